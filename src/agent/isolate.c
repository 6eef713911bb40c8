/* SPDX-License-Identifier: GPL-2.0-or-later */
/* isolate.c - what the agent gives up once it has started.
 *
 * The service file bounds all of this too; here it holds for whoever starts
 * the agent by hand. The system call filter names what must not happen rather
 * than all that may: libc and libcurl change what they use with every release,
 * and an agent killed for a new but harmless call would be worse than none.
 */
#include "agent/isolate.h"

#include <cap-ng.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/macro.h"

static const int forbidden[] = {
	/* other programs, and other processes' memory */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
#ifndef __SANITIZE_ADDRESS__ /* LeakSanitizer traces its own process */
	SCMP_SYS(ptrace),
#endif
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(kcmp),
	/* the file tree, and other namespaces */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(open_by_handle_at),
	/* the kernel itself */
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(quotactl),
	SCMP_SYS(acct),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
};

static void filter_release(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

static int forbid(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(forbidden); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM),
				     forbidden[i], 0);
	return r;
}

static int filter_system_calls(void)
{
	_cleanup_(filter_release)
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? forbid(filter) : -ENOMEM;

	return r < 0 ? r : seccomp_load(filter);
}

/* Sockets of the families that are not needed, and processes that are no
 * threads. clone3 hides its flags from a filter: libc falls back to clone. */
static int forbid_to_writer(scmp_filter_ctx filter,
			    const struct isolate_needs *needs)
{
	static const int calls[] = {
		SCMP_SYS(fork),		  SCMP_SYS(vfork),   SCMP_SYS(chown),
		SCMP_SYS(fchown),	  SCMP_SYS(lchown),  SCMP_SYS(fchownat),
		SCMP_SYS(chmod),	  SCMP_SYS(fchmod),  SCMP_SYS(fchmodat),
		SCMP_SYS(mknod),	  SCMP_SYS(mknodat), SCMP_SYS(symlink),
		SCMP_SYS(symlinkat),	  SCMP_SYS(link),    SCMP_SYS(linkat),
		SCMP_SYS(listen),	  SCMP_SYS(accept),  SCMP_SYS(accept4),
		SCMP_SYS(io_uring_setup),
	};
	static const struct {
		unsigned family;
		bool network;
	} families[] = { { AF_UNIX, false },
			 { AF_INET, true },
			 { AF_INET6, true },
			 /* libc sorts addresses with it */
			 { AF_NETLINK, true } };
	int r = forbid(filter);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i],
				     0);
	r = r
		    ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
					SCMP_SYS(clone3), 0);
#ifndef __SANITIZE_ADDRESS__ /* LeakSanitizer's tracer is no thread */
	r = r
		    ?: seccomp_rule_add(
			       filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone),
			       1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
#endif
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		if (!(families[i].network ? needs->network
					  : needs->unix_sockets))
			r = seccomp_rule_add(
				filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
				SCMP_SYS(socket), 1,
				SCMP_A0(SCMP_CMP_EQ, families[i].family, 0));
	return r
		       ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
					   SCMP_SYS(socket), 1,
					   SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
}

static int keep_capabilities(bool any)
{
	/* The bounding set needs CAP_SETPCAP, which a service may lack, and
	 * libcap-ng complains in the system's log of whoever tries in vain.
	 * What is not permitted any more cannot come back without an exec. */
	bool bounds = capng_get_caps_process() == 0 &&
		      capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);

	capng_clear(CAPNG_SELECT_BOTH);
	if (any && capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
				 CAP_NET_ADMIN, CAP_LEASE, -1) < 0)
		return -EINVAL;
	if (bounds)
		(void)capng_apply(CAPNG_SELECT_BOUNDS);
	return capng_apply(CAPNG_SELECT_CAPS) < 0 ? -EPERM : 0;
}

static void rule_out_gains(bool any_capability)
{
	static const struct rlimit no_core = { 0, 0 };
	int r = keep_capabilities(any_capability);

	if (r < 0)
		log_warning("cannot give up capabilities: %s", strerror(-r));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_warning("cannot set no_new_privs: %s", strerror(errno));
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warning("cannot rule out core dumps: %s", strerror(errno));
}

void isolate(void)
{
	int r;

	rule_out_gains(true);
	r = filter_system_calls();
	if (r < 0)
		log_warning("cannot filter system calls: %s", strerror(-r));
}

/* Enforcement comes first where the service manager says so; writing does
 * not. */
static void give_up_precedence(void)
{
	if (getpriority(PRIO_PROCESS, 0) < 0)
		(void)setpriority(PRIO_PROCESS, 0, 0);
}

void isolate_keeper(void)
{
	int r;

	give_up_precedence();
	rule_out_gains(false);
	r = filter_system_calls();
	if (r < 0)
		log_warning("flow writer: cannot filter system calls: %s",
			    strerror(-r));
}

void isolate_writer(const struct isolate_needs *needs)
{
	_cleanup_(filter_release)
		scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? forbid_to_writer(filter, needs) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(filter);
	if (r < 0)
		log_warning("flow writer: cannot filter system calls: %s",
			    strerror(-r));
}
