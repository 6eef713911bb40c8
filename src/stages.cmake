# SPDX-License-Identifier: GPL-2.0-or-later
# stages.cmake - what a stage is: a directory of src/, a static library, and
# the stages below it that its headers and code may include.

find_package(PkgConfig REQUIRED)
foreach(module libuv libcurl json-c yaml-0.1 libmnl libnftnl
		libnl-3.0 libcap-ng libseccomp libprotobuf-c
		libmicrohttpd nettle)
	pkg_check_modules(${module} REQUIRED IMPORTED_TARGET ${module})
endforeach()

# bulkhead_stage(NAME SOURCES a.c … [STAGES base …] [LIBRARIES libuv …])
#
# A stage's headers are reached as "NAME/file.h" through a directory that holds
# only that name, so an include of a stage that is not linked does not build.
# Third-party libraries stay private: only their owner can include them.
function(bulkhead_stage NAME)
	cmake_parse_arguments(ARG "" "" "SOURCES;STAGES;LIBRARIES" ${ARGN})
	set(view ${CMAKE_BINARY_DIR}/stages/${NAME})
	file(MAKE_DIRECTORY ${view})
	file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${NAME} ${view}/${NAME} SYMBOLIC)
	add_library(${NAME} STATIC ${ARG_SOURCES})
	target_include_directories(${NAME} PUBLIC ${view})
	foreach(stage ${ARG_STAGES})
		target_link_libraries(${NAME} PUBLIC ${stage})
	endforeach()
	foreach(library ${ARG_LIBRARIES})
		target_link_libraries(${NAME} PRIVATE PkgConfig::${library})
	endforeach()
endfunction()
