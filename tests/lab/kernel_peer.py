# SPDX-License-Identifier: Apache-2.0
"""Offices whose ESP is a Linux kernel's: a user-mode Linux with one network namespace and one strongSwan per office.

    fs-internet ── wan0 ┐
                        │ bridge          namespace fs-kernel-peer
      tap1 … tapN ──────┘      tap0 (scripts)
      │                        │
      vec1 … vecN, each        vec0        user-mode Linux
      in its office's netns

This machine's own kernel may have no ESP; that of the offices comes with Debian's package user-mode-linux. Its root is
this machine's file system, read-only, so strongSwan, ping and curl are the installed ones.
"""

import os
import pathlib
import shutil
import signal
import subprocess

import pytest

from conftest import wait_for
from echoes import Echoes

HERE = pathlib.Path(__file__).parent / "kernel-peer"
NETNS = "fs-kernel-peer"
INTERNET, INTERNET_ADDRESS = "fs-internet", "100.64.0.1"  # farspan/lab/underlay.cpp
OUTER, SHELL = "192.168.255.1", "192.168.255.2"
NEEDED = {"linux.uml": "user-mode-linux", "modprobe": "kmod", "socat": "socat", "swanctl": "strongswan-swanctl",
          "tcpdump": "tcpdump"}


def ip(*words, netns=None):
    subprocess.run(["ip", *(["-n", netns] if netns else []), *words], check=True, timeout=20)


def end_everything_in(netns):
    """Ends the processes of the namespace (a user-mode Linux is half a dozen) and removes it."""
    if not pathlib.Path("/run/netns", netns).exists():
        return

    def none_left():
        pids = subprocess.run(["ip", "netns", "pids", netns], capture_output=True, text=True, check=True).stdout.split()
        for pid in map(int, pids):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not pids

    wait_for(f"end of what runs in {netns}", none_left, seconds=10)
    ip("netns", "delete", netns)


class KernelPeer:
    def __init__(self, directory, offices):
        """`offices`: {name: (public address, address in its LAN)}. `directory` keeps the console and the capture."""
        missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
        if missing:
            pytest.fail(f"the offices' kernel needs the Debian packages {' '.join(missing)}: run tools/setup.sh")
        self.offices = offices
        self.directory = directory / "kernel-peer"
        self.directory.mkdir()
        self.console = directory / "log/kernel-peer.log"
        self.capture = self.directory / "wan.pcap"
        self.processes = []
        end_everything_in(NETNS)
        try:
            self.wire()
            self.boot()
        except BaseException:
            self.close()
            raise

    def wire(self):
        ip("netns", "add", NETNS)
        ip("link", "set", "lo", "up", netns=NETNS)
        ip("link", "add", "wkernel", "netns", INTERNET, "type", "veth", "peer", "name", "wan0", "netns", NETNS)
        ip("addr", "add", INTERNET_ADDRESS + "/32", "dev", "wkernel", netns=INTERNET)
        ip("link", "set", "wkernel", "up", netns=INTERNET)
        for address, _ in self.offices.values():
            ip("route", "add", address + "/32", "dev", "wkernel", netns=INTERNET)
        ip("link", "add", "wan", "type", "bridge", netns=NETNS)
        ip("link", "set", "wan0", "master", "wan", "up", netns=NETNS)
        for n in range(len(self.offices) + 1):
            ip("tuntap", "add", f"tap{n}", "mode", "tap", netns=NETNS)
            ip("link", "set", f"tap{n}", *(["master", "wan"] if n else []), "up", netns=NETNS)
        ip("link", "set", "wan", "up", netns=NETNS)
        ip("addr", "add", OUTER + "/30", "dev", "tap0", netns=NETNS)

    def start(self, *words, **options):
        process = subprocess.Popen(["ip", "netns", "exec", NETNS, *words], stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                                   start_new_session=True, **options)
        self.processes.append(process)
        return process

    def boot(self):
        cards = [f"vec{n}:transport=tap,ifname=tap{n},depth=128,gro=1" for n in range(len(self.offices) + 1)]
        with open(self.console, "w") as console:
            self.start("tcpdump", "-n", "-U", "-s", "96", "-B", "16384", "-i", "wan0", "-w", str(self.capture), stdout=console)
            kernel = self.start("linux.uml", "mem=256M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet",
                                f"init={HERE}/init.sh", f"shell={SHELL}", f"uml_dir={self.directory}/", *cards, "con=null",
                                "con0=null,fd:1", stdout=console)

        def is_up():
            assert kernel.poll() is None, f"the offices' kernel ended:\n{self.console.read_text()}"
            return self.try_sh("true")[0] == 0

        wait_for("the offices' kernel up", is_up, seconds=30)

    def close(self):
        end_everything_in(NETNS)
        for process in self.processes:
            process.wait(timeout=10)

    def client(self):
        return ["ip", "netns", "exec", NETNS, "socat", "-t", "60", "-", f"TCP:{SHELL}:7000,connect-timeout=2"]

    def try_sh(self, script, timeout=60):
        """Runs a script in the offices' kernel; its status (None: not reached) and what it printed."""
        text = f"( {script}\n) < /dev/null\nprintf '\\nstatus %d' $?\n"
        done = subprocess.run(self.client(), input=text, capture_output=True, text=True, timeout=timeout)
        output, found, status = done.stdout.rpartition("\nstatus ")
        return (int(status), output) if found else (None, done.stdout + done.stderr)

    def sh(self, script, **options):
        status, output = self.try_sh(script, **options)
        assert status == 0, f"{script}\nended in the offices' kernel with {status}:\n{output}"
        return output

    def put(self, path, text):
        self.sh(f"cat > {path} <<'END OF FILE'\n{text}\nEND OF FILE")

    def at(self, office, command, **options):
        return self.sh(f"ip netns exec {office} {command}", **options)

    def start_pings(self, office, command):
        """Echoes from an office, of which ping tells each, until they are stopped."""
        process = subprocess.Popen(self.client(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        process.stdin.write(f"echo $$; exec ip netns exec {office} {command} < /dev/null\n")
        process.stdin.flush()
        pid = int(process.stdout.readline())

        def interrupt():
            self.sh(f"kill -INT {pid}")
            process.stdin.close()  # or socat waits for more of it

        return Echoes(process, interrupt)

    def start_router(self, office):
        """The office's namespace, its addresses and its strongSwan, without a connection."""
        public, inside = self.offices[office]
        number = list(self.offices).index(office) + 1
        run = f"/run/{office}"
        kinds = "x509 x509ca x509aa x509ocsp x509crl x509ac private rsa ecdsa pkcs8 pkcs12 pubkey bliss"
        conf = (HERE / "strongswan.conf").read_text().replace("@RUN@", run)
        self.sh(f"""set -e
ip netns add {office}
ip link set vec{number} netns {office} name wan0
ip -n {office} -batch - <<'END OF BATCH'
link set lo up
addr add {public}/32 dev wan0
link set wan0 up
route add {INTERNET_ADDRESS} dev wan0
route add default via {INTERNET_ADDRESS} dev wan0 src {public}
addr add {inside}/24 dev lo
END OF BATCH
mkdir -p {run}/swanctl
cd {run}/swanctl
mkdir {kinds}
cat > {run}/strongswan.conf <<'END OF FILE'
{conf}
END OF FILE
STRONGSWAN_CONF={run}/strongswan.conf ip netns exec {office} /usr/sbin/charon-systemd > /dev/console 2>&1 &
for attempt in {{1..150}}; do [ ! -S {run}/charon.vici ] || exit 0; sleep 0.1; done
exit 1""")

    def swanctl(self, office, *words):
        run = f"/run/{office}"
        return self.sh(f"SWANCTL_DIR={run}/swanctl STRONGSWAN_CONF={run}/strongswan.conf "
                       f"swanctl {' '.join(words)} --uri unix://{run}/charon.vici 2>&1")

    def load(self, office, swanctl_conf):
        self.put(f"/run/{office}/swanctl/swanctl.conf", swanctl_conf)
        return self.swanctl(office, "--load-all")

    def seen(self, expression):
        """The packets on the wire to the internet so far that match a tcpdump expression, a line each."""
        done = subprocess.run(["tcpdump", "-n", "-r", str(self.capture), expression], capture_output=True, text=True, timeout=60)
        return done.stdout.splitlines()
