# SPDX-License-Identifier: Apache-2.0
"""Runs programs under what a systemd unit says, without systemd: user, groups, capabilities, file system, address
families, system calls. A directive that this does not know fails the test, so the units cannot say what nobody tried.

Everything happens in a mount namespace of the test's own (CMakeLists.txt starts it in one): /run, /var/lib and
/etc/farspan are its own there, and each program gets a further one.
"""

import ctypes
import os
import re
import signal
import subprocess
import traceback
from pathlib import Path

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
libc = ctypes.CDLL("libc.so.6", use_errno=True)
libseccomp = ctypes.CDLL("libseccomp.so.2", use_errno=True)

REPRODUCED = {
    "ExecStart", "EnvironmentFile", "Environment", "User", "Group", "SupplementaryGroups", "StateDirectory", "StateDirectoryMode",
    "RuntimeDirectory", "RuntimeDirectoryMode", "CapabilityBoundingSet", "AmbientCapabilities", "NoNewPrivileges",
    "RestrictAddressFamilies", "ReadWritePaths", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "SystemCallFilter",
    "UMask", "LimitCORE", "LimitMEMLOCK",
}
# How systemd looks after the program, and what no test can see from inside a namespace.
NOT_REPRODUCED = {
    "Type", "Restart", "RestartSec", "TimeoutStopSec", "Nice", "RuntimeDirectoryPreserve", "MountFlags", "DevicePolicy", "DeviceAllow",
    "ProtectKernelModules", "ProtectKernelLogs", "ProtectKernelTunables", "ProtectControlGroups", "ProtectClock", "ProtectProc",
    "LockPersonality", "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID", "RestrictNamespaces", "SystemCallArchitectures",
    "StartLimitIntervalSec", "StartLimitBurst", "LogRateLimitIntervalSec", "LogRateLimitBurst",
}
FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}
CAPABILITIES = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_IPC_LOCK": 14, "CAP_SYS_ADMIN": 21}


def failing(call):
    return OSError(ctypes.get_errno(), f"{call}: {os.strerror(ctypes.get_errno())}")


class Accounts:
    """Numbers for the users and groups of sysusers.d/farspan.conf, as systemd-sysusers would choose some."""

    def __init__(self):
        self.groups, self.users = {}, {}
        for line in (PACKAGING / "sysusers.d/farspan.conf").read_text().splitlines():
            if not line or line.startswith("#"):
                continue
            kind, name = line.split()[:2]
            assert kind in "gu", line
            self.groups[name] = 61000 + len(self.groups)
            if kind == "u":
                self.users[name] = self.groups[name]

    def files(self, directory):
        """passwd and group for programs that look names up."""
        (directory / "passwd").write_text("root:x:0:0::/root:/bin/sh\n" + "".join(
            f"{name}:x:{number}:{number}::/:/usr/sbin/nologin\n" for name, number in self.users.items()))
        (directory / "group").write_text("root:x:0:\n" + "".join(f"{name}:x:{number}:\n" for name, number in self.groups.items()))


def system_calls(sets):
    """What `SystemCallFilter=` lines allow, in their order (systemd.exec(5))."""
    known = {}
    current = None
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("@"):
            current = known.setdefault(line.strip(), [])
        elif line.strip() and not line.strip().startswith("#") and current is not None and line.startswith(" "):
            current.append(line.strip())

    def members(name):
        if not name.startswith("@"):
            return {name}
        return set().union(*(members(inner) for inner in known[name]))

    allowed = members("@default")
    for line in sets:
        names = set().union(*(members(name) for name in line.lstrip("~").split()))
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


class Unit:
    def __init__(self, name, accounts):
        self.name = name
        self.accounts = accounts
        self.settings = {}
        section = None
        text = (PACKAGING / "systemd" / f"{name}.service").read_text().replace("\\\n", " ")
        for line in text.splitlines():
            if line.startswith("["):
                section = line
            elif section == "[Service]" and line and not line.startswith("#"):
                key, value = line.split("=", 1)
                assert key in REPRODUCED | NOT_REPRODUCED, f"{name}: {key} is neither reproduced here nor known to be left out"
                self.settings.setdefault(key, []).append(value)

    def one(self, key, default=None):
        return self.settings.get(key, [default])[-1]

    def words(self, key):
        return " ".join(self.settings.get(key, [])).split()

    @property
    def uid(self):
        return self.accounts.users[self.one("User")]

    @property
    def gid(self):
        return self.accounts.groups[self.one("Group")]

    def directories(self):
        """StateDirectory= and RuntimeDirectory=, made as systemd makes them."""
        for key, where in (("StateDirectory", "/var/lib"), ("RuntimeDirectory", "/run")):
            for name in self.words(key):
                path = Path(where) / name
                if not path.exists():
                    path.mkdir()
                    os.chown(path, self.uid, self.gid)
                    path.chmod(int(self.one(key + "Mode", "0755"), 8))
                yield str(path)

    def command(self, programs):
        """ExecStart= with its variables, and the program found in `programs` instead of /usr."""
        environment = dict(value.split("=", 1) for value in self.settings.get("Environment", []))
        for path in self.settings.get("EnvironmentFile", []):
            environment |= dict(line.split("=", 1) for line in Path(path).read_text().splitlines())
        words = re.sub(r"\$\{(\w+)\}", lambda found: environment[found[1]], self.one("ExecStart")).split()
        own = Path(programs) / Path(words[0]).name
        return [str(own) if own.exists() else words[0], *words[1:]], environment

    def start(self, programs, log, environment=None):
        (path, *arguments), own = self.command(programs)
        program = os.open(path, os.O_RDONLY)  # found wherever it is, before the file system is closed
        directories = list(self.directories())
        return subprocess.Popen([path, *arguments], executable=f"/proc/self/fd/{program}", pass_fds=[program], stdout=log, stderr=log,
                                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **own, **(environment or {})},
                                preexec_fn=lambda: self.enter(directories))

    def end_of(self, work):
        """How a child ends that does `work` as this program: 0, 1 when it failed, or minus the signal."""
        directories = list(self.directories())
        child = os.fork()
        if child == 0:
            try:
                self.enter(directories)
                work()
                os._exit(0)
            except OSError:
                os._exit(1)
            except BaseException:
                traceback.print_exc()
                os._exit(2)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def can(self, work):
        """Does `work` succeed as this program?"""
        code = self.end_of(work)
        assert code in (0, 1, -signal.SIGSYS), code
        return code == 0

    def enter(self, directories):
        """In a child, before exec."""
        filter_ = self.filter_of_calls()
        self.close_file_system(directories)
        os.umask(int(self.one("UMask", "0022"), 8))
        import resource
        if self.one("LimitCORE") == "0":
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.one("LimitMEMLOCK") == "infinity":
            most = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]  # in a container as much as it may have
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (most, most))
        self.become_user()
        if libseccomp.seccomp_load(ctypes.c_void_p(filter_)) != 0:
            raise failing("seccomp_load")

    def close_file_system(self, directories):
        assert self.one("ProtectSystem") == "strict" and self.one("ProtectHome") == "yes" and self.one("PrivateTmp") == "yes"
        if libc.unshare(0x00020000) != 0:  # CLONE_NEWNS
            raise failing("unshare")
        mount = self.mount
        mount(None, "/", None, 0x4000 | (1 << 19))  # MS_REC | MS_SLAVE
        for path in [*directories, *self.words("ReadWritePaths")]:
            mount(path, path, None, 0x1000)  # MS_BIND
        self.set_read_only("/", True)
        for path in [*directories, *self.words("ReadWritePaths"), "/dev", "/proc", "/sys"]:
            self.set_read_only(path, False)
        for path in ("/home", "/root", "/run/user", "/tmp", "/var/tmp"):
            if os.path.isdir(path):
                mount("tmpfs", path, "tmpfs", 0, "mode=1777" if "tmp" in path else "mode=755")
        if self.one("PrivateDevices") == "yes":
            mount("tmpfs", "/dev/net", "tmpfs", 0, "mode=755") if os.path.isdir("/dev/net") else None

    @staticmethod
    def mount(source, target, kind, flags, options=None):
        text = [value.encode() if value else None for value in (source, target, kind, options)]
        if libc.mount(text[0], text[1], text[2], ctypes.c_ulong(flags), text[3]) != 0:
            raise failing(f"mount {target}")

    @staticmethod
    def set_read_only(path, is_read_only):
        """mount_setattr(2), this mount and those below it."""
        attributes = (ctypes.c_uint64 * 4)(1 if is_read_only else 0, 0 if is_read_only else 1, 0, 0)
        if libc.syscall(442, -100, path.encode(), 0x8000, ctypes.byref(attributes), 32) != 0:  # AT_RECURSIVE
            raise failing(f"mount_setattr {path}")

    def become_user(self):
        bounding = [CAPABILITIES[name] for name in self.words("CapabilityBoundingSet")]
        ambient = [CAPABILITIES[name] for name in self.words("AmbientCapabilities")]
        assert "CapabilityBoundingSet" in self.settings and self.one("NoNewPrivileges") == "yes"
        for capability in range(64):
            if capability not in bounding:
                libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
        libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
        os.setgroups([self.accounts.groups[name] for name in self.words("SupplementaryGroups")])
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        mask = sum(1 << capability for capability in ambient)
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        if libc.capset(header, sets) != 0:
            raise failing("capset")
        for capability in ambient:
            if libc.prctl(47, 2, capability, 0, 0) != 0:  # PR_CAP_AMBIENT_RAISE
                raise failing("ambient")
        if libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
            raise failing("no_new_privs")

    def filter_of_calls(self):
        """SystemCallFilter= and RestrictAddressFamilies=: anything else ends the program."""
        libseccomp.seccomp_init.restype = ctypes.c_void_p
        filter_ = libseccomp.seccomp_init(ctypes.c_uint32(0x80000000))  # SCMP_ACT_KILL_PROCESS
        allow = ctypes.c_uint32(0x7FFF0000)
        for name in sorted(system_calls(self.settings["SystemCallFilter"]) - {"socket"}):
            number = libseccomp.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:
                libseccomp.seccomp_rule_add_array(ctypes.c_void_p(filter_), allow, number, 0, None)
        families = {FAMILIES[name] for name in self.words("RestrictAddressFamilies")}
        socket = libseccomp.seccomp_syscall_resolve_name(b"socket")

        class Compare(ctypes.Structure):
            _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]

        for family in range(64):
            action = allow if family in families else ctypes.c_uint32(0x00050000 | 97)  # EAFNOSUPPORT
            libseccomp.seccomp_rule_add_array(ctypes.c_void_p(filter_), action, socket, 1, ctypes.byref(Compare(0, 4, family, 0)))
        return filter_
