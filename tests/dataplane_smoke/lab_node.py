# SPDX-License-Identifier: Apache-2.0
"""A node without agent and charon: starts farspan-dataplane in a network namespace and speaks to it as both do.

Used by the smoke tests beside it and by bench/contestants.py. Needs root. All names of namespaces begin with the
prefix given to Lab, and Lab.close() removes whatever it made.
"""

import array
import ctypes
import fcntl
import importlib
import ipaddress
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
LINK_BIT = 0x80000000

_libc = ctypes.CDLL(None, use_errno=True)


def run(*command, namespace=None, check=True, timeout=60):
    """Runs a command, in a namespace if one is given; answers its standard output."""
    prefix = ["ip", "netns", "exec", namespace] if namespace else []
    done = subprocess.run([*prefix, *map(str, command)], capture_output=True, text=True, timeout=timeout)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def wait_until(what, condition, seconds=10):
    """Waits for condition() to be true; the only wait in these tests."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        select.select([], [], [], 0.02)


class InNamespace:
    """This thread inside a network namespace."""

    def __init__(self, namespace):
        self.namespace = namespace

    def __enter__(self):
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.namespace}", os.O_RDONLY)
        self._enter(there)
        os.close(there)

    def __exit__(self, *_):
        self._enter(self.home)
        os.close(self.home)

    @staticmethod
    def _enter(fd):
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class Lab:
    """Namespaces, links between them, and the processes in them."""

    def __init__(self, prefix, binary):
        self.prefix, self.binary = prefix, str(binary)
        self.namespaces, self.processes = [], []
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir="/dev/shm"))
        self.v1 = self._schemas()

    def _schemas(self):
        out = self.directory / "schemas"
        out.mkdir()
        schemas = ["node_state", "tables"]
        run("protoc", f"--python_out={out}", "-I", REPOSITORY / "proto", *(f"farspan/v1/{s}.proto" for s in schemas))
        sys.path.insert(0, str(out))
        for name in [name for name in sys.modules if name.split(".")[0] == "farspan"]:
            del sys.modules[name]
        return importlib.import_module("farspan.v1.tables_pb2"), importlib.import_module("farspan.v1.node_state_pb2")

    def namespace(self, name):
        full = f"{self.prefix}-{name}"
        run("ip", "netns", "add", full)
        self.namespaces.append(full)
        run("ip", "link", "set", "lo", "up", namespace=full)
        return full

    def veth(self, a, a_device, a_address, b, b_device, b_address, mtu=1500):
        run("ip", "link", "add", a_device, "netns", a, "mtu", mtu, "type", "veth", "peer", "name", b_device, "netns", b,
            "mtu", mtu)
        for namespace, device, address in ((a, a_device, a_address), (b, b_device, b_address)):
            if address:
                run("ip", "addr", "add", address, "dev", device, namespace=namespace)
            run("ip", "link", "set", device, "up", namespace=namespace)

    def spawn(self, *command, namespace=None, **keywords):
        prefix = ["ip", "netns", "exec", namespace] if namespace else []
        process = subprocess.Popen([*prefix, *map(str, command)], **keywords)
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for namespace in self.namespaces:
            run("ip", "netns", "del", namespace, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


class Node:
    """One farspan-dataplane, with this process in the place of its agent and its charon."""

    def __init__(self, lab, namespace, log_level="info"):
        self.lab, self.namespace = lab, namespace
        self.run_dir = lab.directory / namespace
        self.run_dir.mkdir()
        self.log = open(self.run_dir / "log", "w+")
        self.process = lab.spawn(lab.binary, "--run-dir", self.run_dir, "--log-level", log_level, namespace=namespace,
                                 stderr=self.log)
        tables, sad = self.run_dir / "tables.sock", self.run_dir / "sad.sock"
        wait_until(f"{namespace}: the data plane's sockets", lambda: self._alive() and tables.exists() and sad.exists())
        self.agent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.agent.connect(str(tables))
        self.charon = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.charon.connect(str(sad))
        self.serial = 0
        self.taps = []
        self.ike = None
        self._request_sad(1, struct.pack("=IQ", 2, int.from_bytes(os.urandom(8), "little")))
        self._request_sad(2)  # nothing to repeat

    def _alive(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise RuntimeError(f"farspan-dataplane ended: {self.log.read()}")
        return True

    # --- as the agent ---

    def request(self, message, fds=()):
        body = message.SerializeToString()
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        data = struct.pack(">I", len(body)) + body
        sent = self.agent.sendmsg([data], ancillary)
        self.agent.sendall(data[sent:])
        length = struct.unpack(">I", self._receive(4))[0]
        reply = self.lab.v1[0].TablesReply()
        reply.ParseFromString(self._receive(length))
        if reply.error:
            raise RuntimeError(reply.error)
        return reply

    def _receive(self, length):
        data = b""
        while len(data) < length:
            more = self.agent.recv(length - len(data))
            if not more:
                raise RuntimeError("the data plane closed tables.sock")
            data += more
        return data

    def counters(self):
        request = self.lab.v1[0].TablesRequest()
        request.get_counters.SetInParent()
        return {c.name: c.value for c in self.request(request).counters.counters if c.value}

    def path(self, tunnel):
        """What is known of the path of a tunnel: (MTU, how it is known); None before the first packet."""
        request = self.lab.v1[0].TablesRequest()
        request.get_counters.SetInParent()
        for row in self.request(request).counters.tunnels:
            if row.tunnel == tunnel and row.HasField("path"):
                return row.path.mtu, row.path.origin
        return None

    def live_ports(self):
        request = self.lab.v1[0].TablesRequest()
        request.get_tables.SetInParent()
        return list(self.request(request).tables.ports)

    def make_tap(self, instance_namespace, address, gateway, mac, device="eth0", mtu=1500):
        """Opens a TAP device whose kernel end becomes `device` of the instance; answers its descriptor."""
        with InNamespace(self.namespace):
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", b"fstap", IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        self.taps.append(fd)
        run("ip", "link", "set", "fstap", "netns", instance_namespace, "name", device, namespace=self.namespace)
        run("ip", "link", "set", device, "address", mac, "mtu", mtu, namespace=instance_namespace)
        run("ip", "addr", "add", address, "dev", device, namespace=instance_namespace)
        run("ip", "link", "set", device, "up", namespace=instance_namespace)
        run("ip", "route", "replace", "default", "via", gateway, "dev", device, namespace=instance_namespace)
        return fd

    # --- as charon ---

    def _request_sad(self, kind, body=b""):
        self.serial += 1
        self.charon.send(struct.pack("=HHI", kind, 8 + len(body), self.serial) + body)
        while True:
            message = self.charon.recv(8192)
            got, _, serial = struct.unpack_from("=HHI", message)
            if got == 64 and serial == self.serial:
                break
        status, spi = struct.unpack_from("=II", message, 8)
        if status != 0:
            raise RuntimeError(f"sad request {kind} refused with status {status}")
        return spi

    @staticmethod
    def _host(address, port):
        return struct.pack("=HH16s", socket.AF_INET, port, ipaddress.IPv4Address(address).packed)

    @staticmethod
    def _selector(prefix):
        network = ipaddress.IPv4Network(prefix)
        return struct.pack("=HBBHH16s16s", socket.AF_INET, 0, 0, 0, 65535, network[0].packed, network[-1].packed)

    def add_sa(self, *, is_inbound, local, remote, spi, tunnel, key, source="0.0.0.0/0", destination="0.0.0.0/0",
               suite=(20, 0), integrity_key=b"", is_udp=True, has_esn=False):
        """One SA; an outbound one is put to use by a policy at once."""
        port = 4500 if is_udp else 0
        here, there = self._host(local, port), self._host(remote, port)
        outer = (there, here) if is_inbound else (here, there)
        identity = outer[0] + outer[1] + struct.pack(">I", spi) + struct.pack("=IBBxx", tunnel, 50, int(is_inbound))
        sa = identity + struct.pack("=IBBBBBBBB", 1, 2, 0, 0, int(is_udp), int(has_esn), 0, 1, 1)
        sa += struct.pack("=IHHHH64s64s", 1024, suite[0], suite[1], len(key), len(integrity_key), key, integrity_key)
        sa += struct.pack("=QQQQQHH", 0, 0, 0, 0, 0, 1, 1) + self._selector(source) + self._selector(destination)
        self._request_sad(4, sa)
        if not is_inbound:
            policy = struct.pack("=BBBxII", 1, 1, 1, tunnel, 1) + struct.pack(">I", spi) + here + there
            self._request_sad(9, policy + self._selector(source) + self._selector(destination))

    def connect_ike(self):
        self.ike = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ike.connect(str(self.run_dir / "ike.sock"))
        self.ike.settimeout(5)

    def send_ike(self, source, destination, port, payload, dscp=0):
        self.ike.send(self._host(source, port) + self._host(destination, port) + struct.pack("=Bxxx", dscp) + payload)

    def receive_ike(self):
        """The next IKE datagram: (source, port it came from, port it came to, payload)."""
        message = self.ike.recv(65535 + 44)
        _, source_port, source = struct.unpack_from("=HH4s", message, 0)
        _, port = struct.unpack_from("=HH", message, 20)
        return str(ipaddress.IPv4Address(source)), source_port, port, message[44:]

    def close(self):
        for fd in self.taps:
            os.close(fd)
        self.taps = []


def mac_of(number):
    return bytes([0x02, 0xF5, 0, 0, 0, number])


def mac_text(number):
    return mac_of(number).hex(":")


def open_group(batch, number=1):
    """A security group that accepts everything."""
    group = batch.security_groups.add(id=number, name=f"group-{number}")
    group.ingress.add(port_high=65535, peer="0.0.0.0/0", priority=1)


def add_route(batch, vrf, destination, *, table=0, **next_hop):
    route = batch.routes.add()
    route.key.vrf, route.key.table, route.key.destination = vrf, table, destination
    for name, value in next_hop.items():
        if name == "tunnel":
            route.next_hop.tunnel.tunnel = value[0]
            if value[1]:
                route.next_hop.tunnel.label = value[1]
        elif name == "port":
            route.next_hop.port = value
        else:
            getattr(route.next_hop, name).SetInParent()


def routers_between(lab, a, b, mtu):
    """A 192.0.2.1 ── router-a ══wire══ router-b ── 198.51.100.2 B."""
    first, second = lab.namespace("router-a"), lab.namespace("router-b")
    lab.veth(a, "wan", "192.0.2.1/24", first, "to-a", "192.0.2.254/24", mtu)
    lab.veth(b, "wan", "198.51.100.2/24", second, "to-b", "198.51.100.254/24", mtu)
    lab.veth(first, "wire", "203.0.113.1/30", second, "wire", "203.0.113.2/30", mtu)
    for namespace, gateway in ((a, "192.0.2.254"), (b, "198.51.100.254"), (first, "203.0.113.2"), (second, "203.0.113.1")):
        run("ip", "route", "add", "default", "via", gateway, namespace=namespace)
    for router in (first, second):
        run("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=router)


def two_linked_nodes(lab, suite=None, is_link=True, has_routers=False, mtu=1500):
    """client ─TAP─ A ══ESP══ B ─TAP─ server, one VRF, as two regions' nodes would have it."""
    a, b = lab.namespace("a"), lab.namespace("b")
    client, server = lab.namespace("client"), lab.namespace("server")
    to_a, to_b = "192.0.2.1", "198.51.100.2" if has_routers else "192.0.2.2"
    if has_routers:
        routers_between(lab, a, b, mtu)
    else:
        lab.veth(a, "wan", "192.0.2.1/24", b, "wan", "192.0.2.2/24", mtu)
    nodes = []
    plan = [(a, client, "10.1.0", "10.2.0", to_a, to_b, 0x1001, 0x2001),
            (b, server, "10.2.0", "10.1.0", to_b, to_a, 0x2001, 0x1001)]
    suite = suite or {"suite": (20, 0), "key_length": 36, "integrity_key_length": 0}
    keys = {spi: (os.urandom(suite["key_length"]), os.urandom(suite["integrity_key_length"])) for spi in (0x1001, 0x2001)}
    tunnel = (LINK_BIT | 1) if is_link else 1
    for namespace, instance, own, other, local, remote, spi_in, spi_out in plan:
        node = Node(lab, namespace)
        request = lab.v1[0].TablesRequest()
        batch = request.batch
        batch.is_snapshot, batch.generation = True, 1
        batch.vrfs.add(id=1, vpc="vpc-1", router=f"{own}.1", label=17)
        open_group(batch)
        batch.tunnels.add(id=tunnel, is_link=is_link, vrf=0 if is_link else 1, remote=remote,
                          labels=[17] if is_link else [])
        port = batch.ports.add(id=1, vrf=1, address=f"{own}.5", gateway=f"{own}.1", subnet=f"{own}.0/24", mac=mac_of(1),
                               has_fd=True, mtu=1500)
        port.security_groups.append(1)
        label = 17 if is_link else None
        for table in (0, 1):
            add_route(batch, 1, f"{own}.5/32", table=table, port=1)
            add_route(batch, 1, f"{own}.1/32", table=table, router=True)
            add_route(batch, 1, f"{own}.0/24", table=table, unreachable=True)
            add_route(batch, 1, f"{other}.0/24", table=table, tunnel=(tunnel, label))
        fd = node.make_tap(instance, f"{own}.5/24", f"{own}.1", mac_text(1))
        node.request(request, [fd])
        for is_inbound, spi in ((True, spi_in), (False, spi_out)):
            key, integrity_key = keys[spi]
            node.add_sa(is_inbound=is_inbound, local=local, remote=remote, spi=spi, tunnel=tunnel, key=key,
                        integrity_key=integrity_key, suite=suite["suite"], is_udp=suite.get("is_udp", True))
        nodes.append(node)
    return nodes, client, server
