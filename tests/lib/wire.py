# SPDX-License-Identifier: GPL-2.0-or-later
"""wire.py - frames made by hand, sent and seen inside a container's network
namespace by packet sockets: for attackers who do not use their own address.
"""
import ctypes
import ipaddress
import os
import select
import socket
import struct
import time

CLONE_NEWNET = 0x40000000
ETH_ALL, ETH_IP, ETH_ARP, ETH_VLAN, ETH_IP6 = 0x3, 0x800, 0x806, 0x8100, 0x86dd
BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def ip_bytes(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ether(dst, src, kind, payload, vlan=None):
    tag = struct.pack("!HH", ETH_VLAN, vlan) if vlan is not None else b""
    return mac_bytes(dst) + mac_bytes(src) + tag + struct.pack("!H", kind) + payload


def ip4(src, dst, proto, payload, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), os.getpid() & 0xffff,
                       fragment, 64, proto, 0, ip_bytes(src), ip_bytes(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ip6(src, dst, proto, payload, hops=64):
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), proto, hops,
                       ip_bytes(src), ip_bytes(dst)) + payload


def upper6(src, dst, proto, payload, at):
    """@payload with its checksum over the IPv6 pseudo header put in @at."""
    pseudo = ip_bytes(src) + ip_bytes(dst) + struct.pack("!II", len(payload), proto)
    return payload[:at] + struct.pack("!H", checksum(pseudo + payload)) + payload[at + 2:]


def udp(sport, dport, data):
    """Without a checksum, which IPv4 allows."""
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def udp4(src, dst, dport, data, sport=40000):
    return ip4(src, dst, socket.IPPROTO_UDP, udp(sport, dport, data))


def udp6(src, dst, dport, data, sport=40000):
    return ip6(src, dst, socket.IPPROTO_UDP,
               upper6(src, dst, socket.IPPROTO_UDP, udp(sport, dport, data), 6))


def arp(op, sender_mac, sender_ip, target_mac, target_ip):
    return struct.pack("!HHBBH6s4s6s4s", 1, ETH_IP, 6, 4, op, mac_bytes(sender_mac),
                       ip_bytes(sender_ip), mac_bytes(target_mac), ip_bytes(target_ip))


def icmp6(src, dst, kind, body):
    return ip6(src, dst, socket.IPPROTO_ICMPV6,
               upper6(src, dst, socket.IPPROTO_ICMPV6, struct.pack("!BBH", kind, 0, 0) + body, 2),
               hops=255)


def advertisement(src, dst, target, mac):
    """An unsolicited neighbour advertisement that overrides (RFC 4861, 4.4)."""
    return icmp6(src, dst, 136, struct.pack("!I16sBB6s", 0x20000000, ip_bytes(target),
                                            2, 1, mac_bytes(mac)))


def router_advertisement(src, mac):
    return icmp6(src, "ff02::1", 134, struct.pack("!BBHIIBB6s", 64, 0, 1800, 0, 0,
                                                  1, 1, mac_bytes(mac)))


# TCP flags
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32


def tcp(src, dst, sport, dport, flags, data=b"", seq=1000, ack=0):
    """A segment with its checksum, for either family."""
    head = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 64240, 0, 0)
    size = struct.pack("!I" if ":" in src else "!H", len(head + data))
    proto = b"\0\0\0\6" if ":" in src else b"\0\6"
    pseudo = (ip_bytes(src) + ip_bytes(dst) + size + proto if ":" in src else
              ip_bytes(src) + ip_bytes(dst) + proto + size)
    return head[:16] + struct.pack("!H", checksum(pseudo + head + data)) + head[18:] + data


def tcp4(src, dst, sport, dport, flags, data=b"", **more):
    return ip4(src, dst, socket.IPPROTO_TCP, tcp(src, dst, sport, dport, flags, data, **more))


def icmp4(src, dst, kind, code, rest, quoted):
    """An ICMP message: @rest is its second word, @quoted what follows."""
    head = struct.pack("!BBHI", kind, code, 0, rest)
    return ip4(src, dst, socket.IPPROTO_ICMP,
               head[:2] + struct.pack("!H", checksum(head + quoted)) + head[4:] + quoted)


def options(following, size=8):
    """A hop-by-hop or destination options header that says nothing: PadN."""
    return struct.pack("!BBBB", following, size // 8 - 1, 1, size - 4) + bytes(size - 4)


def routing(following, kind, via):
    """A routing header with one segment left (RFC 8200, 4.4)."""
    return struct.pack("!BBBBI", following, 2, kind, 1, 0) + ip_bytes(via)


def fragment6(following, offset, more, ident):
    """A fragment header; @offset in bytes."""
    return struct.pack("!BBHI", following, 0, offset | more, ident)


class Wire:
    """A packet socket on an interface of the network namespace at @path."""

    def __init__(self, path, interface="eth0"):
        libc = ctypes.CDLL(None, use_errno=True)
        here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(path, os.O_RDONLY)
        try:
            if libc.setns(there, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), path)
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                        socket.htons(ETH_ALL))
            self.socket.bind((interface, ETH_ALL))
        finally:
            libc.setns(here, CLONE_NEWNET)
            os.close(here)
            os.close(there)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.send(frame.ljust(60, b"\0"))

    def drain(self):
        while select.select([self.socket], [], [], 0)[0]:
            self.socket.recv(65536)

    def incoming(self, seconds):
        """What comes in within @seconds, one frame after the other."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return
            frame, address = self.socket.recvfrom(65536)
            if address[2] != socket.PACKET_OUTGOING:
                yield frame

    def frames(self, seconds):
        return list(self.incoming(seconds))

    def sees(self, marker, seconds=0.3):
        """Whether a frame that holds @marker comes in within @seconds."""
        return any(marker in frame for frame in self.incoming(seconds))
