# SPDX-License-Identifier: Apache-2.0
"""Two ends of one wire: a node (charon, our plugin, the stand-in data plane, a TunnelSet) and a stock strongSwan office.

   ike-node 10.77.0.1 ──veth── 10.77.0.2 ike-office        (office: kernel-libipsec, its own ESP)

Every process is started here and ended by its pid; namespaces are named after this test and removed.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE, OFFICE = "10.77.0.1", "10.77.0.2"
HERE = pathlib.Path(__file__).resolve().parent
PLUGIN = os.environ.get("FARSPAN_IKE_PLUGIN", str(ROOT / "build/release/bin/libstrongswan-farspan.so"))
PROBE = os.environ.get("FARSPAN_TUNNEL_PROBE", str(ROOT / "build/release/tests/ike/tunnel-probe"))
IKE_PROPOSAL, ESP_PROPOSAL = "aes256-sha256-modp2048", "aes256gcm16-modp2048-noesn"


def run(*words, check=True):
    return subprocess.run(words, check=check, capture_output=True, text=True).stdout


def wait_for(question, seconds=15, what=""):
    """The first true answer of question()."""
    end = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what or question}")
        time.sleep(0.05)


class Process:
    def __init__(self, namespace, *words, env=None, log=None, **options):
        with open(log or os.devnull, "ab") as output:
            options = {"stdout": output, "stderr": output, "stdin": subprocess.DEVNULL} | options
            self.child = subprocess.Popen(["ip", "netns", "exec", namespace, *words], env=os.environ | (env or {}), **options)

    def end(self, how=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(how)
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Node:
    """The node under test."""

    LOG = """
charon-systemd {
  filelog {
    charon {
      path = @RUN_DIR@/charon.log
      time_format = %Y-%m-%dT%H:%M:%S
      default = 1
      enc = 0
      append = yes
      flush_line = yes
      ike_name = yes
    }
  }
  journal {
    default = -1
  }
}
"""  # here is no journal

    def __init__(self, directory, namespace="ike-node", address=NODE, settings=None):
        """`settings`: what of strongswan.conf reads differently."""
        self.dir, self.namespace, self.address = pathlib.Path(directory), namespace, address
        self.dir.mkdir()
        template = (ROOT / "packaging/strongswan.conf.in").read_text()
        # quicker than in production, so that the tests are
        template = template.replace("retransmit_timeout = 1.5", "retransmit_timeout = 0.5").replace("half_open_timeout = 20", "half_open_timeout = 6")
        for line, changed in (settings or {}).items():
            assert line in template, line
            template = template.replace(line, changed)
        (self.dir / "strongswan.conf").write_text((template + self.LOG).replace("@RUN_DIR@", str(self.dir)))
        self.start_probe()
        self.start_dataplane()
        self.start_charon()

    def start_probe(self):
        self.probe = subprocess.Popen([PROBE, str(self.dir / "charon.vici")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def end_probe(self):
        self.probe.stdin.close()
        self.probe.wait(5)

    def restart_probe(self):
        self.end_probe()
        self.start_probe()

    def start_dataplane(self):
        self.dataplane = Process(self.namespace, "/usr/bin/python3", str(HERE / "dataplane_stand_in.py"), str(self.dir),
                                 self.address, log=self.dir / "stand-in.log")

    def start_charon(self):
        self.charon = Process(self.namespace, "env", f"LD_PRELOAD={PLUGIN}", "/usr/sbin/charon-systemd",
                              env={"STRONGSWAN_CONF": str(self.dir / "strongswan.conf")}, log=self.dir / "charon.out")

    def log(self):
        path = self.dir / "charon.log"
        return path.read_text() if path.exists() else ""

    def ask_dataplane(self, question="state"):
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self.dir / "stand-in.sock"))
                connection.sendall(question.encode() + b"\n")
                return json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
        except (ConnectionError, FileNotFoundError):
            return None

    def tell(self, line):
        self.probe.stdin.write(line + "\n")
        self.probe.stdin.flush()
        lines = []
        while (answer := self.probe.stdout.readline().rstrip("\n")) != "end":
            assert self.probe.poll() is None, "tunnel-probe ended"
            lines.append(answer)
        return lines

    def status(self, tunnel=1):
        names = "ike child local remote ike_algorithms esp_algorithms nat ike_id cause words remedy".split()
        children = []
        found = None
        for line in self.tell("status"):
            kind, _, rest = line.partition(" ")
            if kind == "tunnel":
                number, *fields = rest.split("\t")
                current = dict(zip(names, fields), children=[])
                if int(number) == tunnel:
                    found, children = current, current["children"]
                else:
                    children = []
            elif kind == "child":
                children.append(rest.split("\t"))
        return found

    def is_up(self, tunnel=1):
        status = self.status(tunnel)
        return status and status["child"] == "ipsec_sa_established" and status

    def cause(self, tunnel=1):
        return self.status(tunnel)["cause"]

    def want(self, tunnel=1, **changes):
        row = dict(kind="office", connection="office-1", local=NODE, remote=OFFICE, local_id=NODE, remote_id=OFFICE, psk="secret-1", version=2,
                   ike=IKE_PROPOSAL, esp=ESP_PROPOSAL, local_ts="0.0.0.0/0", remote_ts="10.10.10.0/24") | changes
        self.tell(f"want {tunnel} " + " ".join(f"{key}={value}" for key, value in row.items()))

    def apply(self):
        return self.tell("apply")

    def end(self):
        self.end_probe()
        self.charon.end()
        self.dataplane.end()


class Office:
    """Stock strongSwan with its own userland ESP."""

    CONF = """charon-systemd {{
  load = random nonce openssl aes gcm sha1 sha2 hmac kdf pem x509 pubkey pkcs1 pkcs8 curve25519 constraints kernel-libipsec kernel-netlink socket-default vici
  plugins {{
    vici {{
      socket = unix://{dir}/charon.vici
    }}
    kernel-libipsec {{
      load = yes
    }}
  }}
  retransmit_timeout = 0.5
  retransmit_tries = 4
  filelog {{
    main {{
      path = {dir}/charon.log
      default = 1
      flush_line = yes
    }}
  }}
  journal {{
    default = -1
  }}
}}
swanctl {{
  load = random pem x509 pubkey openssl
}}
"""

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        (self.dir / "swanctl").mkdir(parents=True)
        (self.dir / "strongswan.conf").write_text(self.CONF.format(dir=self.dir))
        self.env = {"STRONGSWAN_CONF": str(self.dir / "strongswan.conf"), "SWANCTL_DIR": str(self.dir / "swanctl")}
        self.start()

    def start(self):
        self.charon = Process("ike-office", "/usr/sbin/charon-systemd", env=self.env, log=self.dir / "out")
        wait_for(lambda: "plugins" in self.swanctl("--stats"), what="office's charon starts")

    def swanctl(self, *words):
        return subprocess.run(["/usr/sbin/swanctl", *words, "--uri", f"unix://{self.dir}/charon.vici"], env=os.environ | self.env,
                              capture_output=True, text=True).stdout

    def configure(self, version=2, psk="secret-1", proposal=IKE_PROPOSAL, esp="aes256gcm16-modp2048", local_ts="10.10.10.0/24",
                  remote_ts="0.0.0.0/0", local_id=OFFICE, start="none", aggressive="no", dpd="0s"):
        (self.dir / "swanctl/swanctl.conf").write_text(f"""
connections {{
  net {{
    version = {version}
    aggressive = {aggressive}
    local_addrs = {OFFICE}
    remote_addrs = {NODE}
    proposals = {proposal}
    dpd_delay = {dpd}
    local {{
      auth = psk
      id = {local_id}
    }}
    remote {{
      auth = psk
      id = {NODE}
    }}
    children {{
      net {{
        local_ts = {local_ts}
        remote_ts = {remote_ts}
        esp_proposals = {esp}
        start_action = {start}
      }}
    }}
  }}
}}
secrets {{
  ike-1 {{
    id-a = {NODE}
    id-b = {local_id}
    secret = "{psk}"
  }}
}}
""")
        self.swanctl("--load-all", "--clear")

    def end(self):
        self.charon.end()


def make_network():
    remove_network()
    for name in ("ike-node", "ike-office"):
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "link", "add", "wan", "netns", "ike-node", "type", "veth", "peer", "name", "wan", "netns", "ike-office")
    for name, address in (("ike-node", NODE), ("ike-office", OFFICE)):
        run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "wan")
        run("ip", "-n", name, "link", "set", "wan", "up")
    run("ip", "-n", "ike-office", "addr", "add", "10.10.10.1/24", "dev", "lo")


def remove_network():
    for name in ("ike-node", "ike-office"):
        run("ip", "netns", "del", name, check=False)
