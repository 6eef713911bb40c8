/* SPDX-License-Identifier: GPL-2.0-or-later */
/* module.c - the kernel module br_netfilter.
 *
 * The service runs without CAP_SYS_MODULE; its unit loads the module before
 * the agent starts. The attempt here is for an agent that root started by
 * hand. Whether it worked is seen by what the module shows, not by what
 * modprobe says: the code may as well be part of the kernel.
 */
#include "link/module.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macro.h"
#include "link/link.h"

bool link_netfilter_present(void)
{
	return access("/proc/sys/net/bridge/bridge-nf-call-iptables", F_OK) ==
	       0;
}

static void run_modprobe(const char *path)
{
	char *argv[] = { (char *)path, (char *)"-q", (char *)"br_netfilter",
			 NULL };
	int status;
	pid_t pid;

	if (posix_spawn(&pid, path, NULL, NULL, argv, environ) != 0)
		return;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
}

int module_load_br_netfilter(void)
{
	static const char *const paths[] = { "/sbin/modprobe",
					     "/usr/sbin/modprobe" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		if (link_netfilter_present())
			return 0;
		if (access(paths[i], X_OK) == 0)
			run_modprobe(paths[i]);
	}
	return link_netfilter_present() ? 0 : -EPROTONOSUPPORT;
}
