/* SPDX-License-Identifier: GPL-2.0-or-later */
/* control.h - what the agent and the command line say to each other.
 *
 * A unix stream socket. One JSON object a line each way, in order:
 *
 *   {"command": "explain", "arguments": {"source": "web", …}}
 *   {"ok": true, "result": {…}}
 *   {"ok": false, "error": "no endpoint is called 'wbe'"}
 *
 * A command is answered exactly once. The agent closes a connection whose line
 * is too long or no JSON object.
 */
#pragma once

#define CONTROL_SOCKET "/run/bulkhead/control.sock"

/** Longest request, in bytes. */
#define CONTROL_REQUEST_MAX (64U << 10)

/* Commands, with their arguments -> results. Times are RFC 3339. */
#define CONTROL_STATUS	  "status"    /* {} -> see bulkhead(1) */
#define CONTROL_WAIT	  "wait"      /* {} -> {"generation": n} once in step */
#define CONTROL_ENDPOINTS "endpoints" /* {} -> {"endpoints": [...]} */
#define CONTROL_POLICIES  "policies"  /* {} -> {"policies": [...]} */
#define CONTROL_NETWORKS  "networks"  /* {} -> {"networks": [...]} */
#define CONTROL_RULES	  "rules" /* {"nft": bool} -> {"rules": [...]} or {"nft"} */
/* {"source", "destination", "port", "protocol"} -> {"verdict", …} */
#define CONTROL_EXPLAIN "explain"
