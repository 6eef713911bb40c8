# SPDX-License-Identifier: GPL-2.0-or-later
# fuzz_targets.sh - the fuzz targets there are; sourced at the tree's top.

# fuzz_targets: "fuzz_NAME" of each, a line each.
fuzz_targets()
{
	sed -n 's/.*bulkhead_fuzz([a-z]* \([a-z0-9_]*\).*/fuzz_\1/p' \
		tests/unit/*/CMakeLists.txt | sort
}
