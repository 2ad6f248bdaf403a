# SPDX-License-Identifier: Apache-2.0
"""The networks end_to_end.py compares: each is client – A – B – server in four network namespaces of its own.

ours        client and server on TAP ports, A and B farspan-dataplane, ESP in UDP between them
routing     client and server on veth, A and B the kernel's router, no encryption: the ceiling
strongswan  as routing, with a stock charon each in A and B and its userland ESP (kernel-libipsec)

Addresses are the same in all: client 10.1.0.5, server 10.2.0.5, A 192.0.2.1, B 192.0.2.2. Device settings
(offloads, MTU 1500, queues) are the kernel's defaults everywhere.
"""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "dataplane_smoke"))
from lab_node import Lab, run, two_linked_nodes, wait_until  # noqa: E402

SERVER = "10.2.0.5"
SUITES = {
    "aes256gcm": {"suite": (20, 0), "key_length": 36, "integrity_key_length": 0},
    "aes128gcm": {"suite": (20, 0), "key_length": 20, "integrity_key_length": 0},
    "aes256-sha256": {"suite": (12, 12), "key_length": 32, "integrity_key_length": 32},
    "aes128-sha1": {"suite": (12, 2), "key_length": 16, "integrity_key_length": 20},
}
STRONGSWAN_PROPOSALS = {"aes256gcm": "aes256gcm16", "aes128gcm": "aes128gcm16", "aes256-sha256": "aes256-sha256",
                        "aes128-sha1": "aes128-sha1"}
CHARON = "/usr/sbin/charon-systemd"


def ours(lab, suite):
    return two_linked_nodes(lab, SUITES[suite])[1:]


def routing(lab, _suite):
    client, _, _, server = _routed(lab)
    return client, server


def strongswan(lab, suite):
    client, a, b, server = _routed(lab)
    for router in (a, b):  # what is not taken by the tunnel must not get around it
        run("ip", "route", "del", "10.0.0.0/8", namespace=router, check=False)
    sides = [_charon(lab, a, "192.0.2.1", "192.0.2.2", "10.1.0.0/24", "10.2.0.0/24", suite),
             _charon(lab, b, "192.0.2.2", "192.0.2.1", "10.2.0.0/24", "10.1.0.0/24", suite)]
    _swanctl(sides[0], "--initiate", "--child", "net")
    wait_until("the Child SA in both charons",
               lambda: all("INSTALLED" in _swanctl(side, "--list-sas") for side in sides))
    return client, server


ALL = {"ours": ours, "routing": routing, "strongswan": strongswan}


def has_strongswan():
    return os.path.exists(CHARON) and os.path.exists("/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so")


class Contestant:
    """One network, up for the whole comparison, with an iperf3 server at its far end."""

    def __init__(self, name, binary, suite):
        self.name, self.lab = name, Lab(f"bench-{name}", binary)
        try:
            self.client, self.server = ALL[name](self.lab, suite)
            self.lab.spawn("iperf3", "-s", namespace=self.server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(f"{name}: iperf3 to listen", lambda: ":5201" in run("ss", "-ltn", namespace=self.server))
            wait_until(f"{name}: an answer from the server",
                       lambda: "1 received" in run("ping", "-c1", "-W1", SERVER, namespace=self.client, check=False))
        except BaseException:
            self.close()
            raise

    def close(self):
        self.lab.close()


def _routed(lab):
    client, a, b, server = (lab.namespace(name) for name in ("client", "a", "b", "server"))
    lab.veth(client, "eth0", "10.1.0.5/24", a, "lan", "10.1.0.1/24")
    lab.veth(a, "wan", "192.0.2.1/24", b, "wan", "192.0.2.2/24")
    lab.veth(server, "eth0", "10.2.0.5/24", b, "lan", "10.2.0.1/24")
    for router, via in ((a, "192.0.2.2"), (b, "192.0.2.1")):
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=router)
        run("ip", "route", "add", "10.0.0.0/8", "via", via, namespace=router)
    run("ip", "route", "add", "default", "via", "10.1.0.1", namespace=client)
    run("ip", "route", "add", "default", "via", "10.2.0.1", namespace=server)
    return client, a, b, server


def _charon(lab, namespace, local, remote, local_ts, remote_ts, suite):
    """Starts a stock charon with kernel-libipsec and loads its one connection; answers its directory."""
    directory = lab.directory / namespace
    swanctl = directory / "swanctl"
    for name in ("x509", "x509ca", "x509aa", "x509ocsp", "x509crl", "x509ac", "private", "rsa", "ecdsa", "pkcs8",
                 "pkcs12", "pubkey", "bliss"):
        (swanctl / name).mkdir(parents=True)
    (directory / "strongswan.conf").write_text(f"""charon-systemd {{
  load = random nonce openssl aesni aes gcm sha1 sha2 hmac kdf pem x509 pubkey curve25519 gmp kernel-libipsec kernel-netlink socket-default vici updown
  plugins {{
    vici {{
      socket = unix://{directory}/charon.vici
    }}
    kernel-libipsec {{
      load = yes
    }}
  }}
  filelog {{
    main {{
      path = {directory}/charon.log
      default = 1
    }}
  }}
  journal {{
    default = -1
  }}
}}
swanctl {{
  load = random pem x509 pubkey openssl
}}
""")
    (swanctl / "swanctl.conf").write_text(f"""connections {{
  bench {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = aes256gcm16-prfsha384-ecp384
    local {{
      auth = psk
      id = {local}
    }}
    remote {{
      auth = psk
      id = {remote}
    }}
    children {{
      net {{
        local_ts = {local_ts}
        remote_ts = {remote_ts}
        esp_proposals = {STRONGSWAN_PROPOSALS[suite]}
        start_action = none
      }}
    }}
  }}
}}
secrets {{
  ike-bench {{
    id-a = {local}
    id-b = {remote}
    secret = "only between two namespaces of this machine"
  }}
}}
""")
    environment = {**os.environ, "STRONGSWAN_CONF": str(directory / "strongswan.conf")}
    process = lab.spawn(CHARON, namespace=namespace, env=environment, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)

    def is_up():
        if process.poll() is not None:
            raise RuntimeError(f"charon ended: {(directory / 'charon.log').read_text()}")
        return (directory / "charon.vici").exists()

    wait_until(f"{namespace}: charon", is_up)
    _swanctl(directory, "--load-all")
    return directory


def _swanctl(directory, *arguments):
    environment = {**os.environ, "STRONGSWAN_CONF": str(directory / "strongswan.conf"),
                   "SWANCTL_DIR": str(directory / "swanctl")}
    done = subprocess.run([shutil.which("swanctl") or "/usr/sbin/swanctl", *arguments, "--uri",
                           f"unix://{directory}/charon.vici"], env=environment, capture_output=True, text=True,
                          timeout=30)
    if done.returncode != 0:
        raise RuntimeError(f"swanctl {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout
