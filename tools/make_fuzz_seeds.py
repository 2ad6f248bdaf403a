#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes fuzz/seeds/TARGET/*: one well-formed input of every kind a fuzz target knows.

A fuzzer finds the way to a checksum, a length or a protobuf tag only by luck; from these inputs it starts behind them.
Inputs that once broke something are in the same directories under other names and stay. Needs scapy and protoc.
"""
import pathlib
import re
import struct
import subprocess

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEEDS = ROOT / "fuzz" / "seeds"


def put(target, name, content):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def message(kind, text):
    """The wire form of a message of proto/farspan/v1 in protobuf's text format."""
    schemas = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto/farspan/v1").glob("*.proto"))
    return subprocess.run(["protoc", "-I", ROOT / "proto", f"--encode=farspan.v1.{kind}", *schemas],
                          input=text.encode(), capture_output=True, check=True).stdout


# ---- fuzz_parse: [link header and checksum choice][number][virtio header 10][frame]

def virtio(flags=0, gso_type=0, gso_size=0, start=0, offset=0):
    return struct.pack("<BBHHHH", flags, gso_type, 54, gso_size, start, offset)


def parse_seeds():
    ip = IP(src="10.1.0.5", dst="10.2.0.9", id=7, flags="DF")
    tcp = TCP(sport=40000, dport=443, seq=1000, flags="PA")
    ether = Ether(src="02:00:00:00:00:05", dst="02:00:00:00:00:01")
    quoted = IP(bytes(ip / tcp / Raw(b"q" * 8)))
    plain = {
        "tcp": ip / tcp / Raw(b"t" * 100),
        "tcp_syn_mss": ip / TCP(sport=40000, dport=443, flags="S", options=[("MSS", 1460), ("NOP", None), ("WScale", 7)]),
        "udp": ip / UDP(sport=5000, dport=53) / Raw(b"u" * 40),
        "echo": ip / ICMP(id=3, seq=1) / Raw(b"e" * 56),
        "too_big": ip / ICMP(type=3, code=4, nexthopmtu=1400) / quoted,
        "long_without_df": IP(src="10.1.0.5", dst="10.2.0.9", id=7) / UDP(sport=1, dport=2) / Raw(b"l" * 1400),
        "first_fragment": IP(src="10.1.0.5", dst="10.2.0.9", id=7, flags="MF") / UDP(sport=1, dport=2, len=999) / Raw(b"f" * 64),
        "options": IP(src="10.1.0.5", dst="10.2.0.9", options=[b"\x07\x07\x04\x00\x00\x00\x00", b"\x00"]) / tcp,
    }
    for name, packet in plain.items():
        put("fuzz_parse", name, bytes([2, 100]) + virtio() + bytes(packet))
        put("fuzz_parse", name + "_link", bytes([3, 100]) + virtio() + bytes(ether / packet))
    tso = ip / TCP(sport=40000, dport=443, seq=1000, flags="PA", chksum=0) / Raw(bytes(range(256)) * 8)
    put("fuzz_parse", "tso", bytes([3, 100]) + virtio(1, 1, 500, 34, 16) + bytes(ether / tso))
    uso = ip / UDP(sport=5000, dport=53, chksum=0) / Raw(bytes(range(256)) * 4)
    put("fuzz_parse", "uso", bytes([3, 100]) + virtio(1, 5, 300, 34, 6) + bytes(ether / uso))
    put("fuzz_parse", "needs_checksum", bytes([3, 100]) + virtio(1, 0, 0, 34, 16) + bytes(ether / tso)[:200])
    arp = Ether(src="02:00:00:00:00:05", dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc="02:00:00:00:00:05", psrc="10.1.0.5", pdst="10.1.0.1")
    put("fuzz_parse", "arp", bytes([1, 0]) + virtio() + bytes(arp))
    put("fuzz_parse", "mpls", bytes([2, 0]) + virtio() + struct.pack(">I", 18 << 12 | 0x100 | 64) + bytes(plain["udp"]))


# ---- fuzz_frames: records [how][length 2][virtio header and frame, or edits [place 2][byte]]

def frames_seeds():
    def record(how, content):
        return struct.pack(">BH", how, len(content)) + content

    def edits(*changes):
        return record(3, b"".join(struct.pack(">HB", place, byte) for place, byte in changes))

    ether, ip = Ether(src="02:00:00:00:00:05", dst="02:00:00:00:00:01"), IP(src="10.0.0.5", dst="20.0.0.9", id=7, flags="DF")
    packets = {
        "udp": ip / UDP(sport=5000, dport=53) / Raw(b"u" * 40),
        "tcp": ip / TCP(sport=40000, dport=443, seq=1000, flags="PA") / Raw(b"t" * 100),
        "echo": ip / ICMP(id=3, seq=1) / Raw(b"e" * 56),
    }
    for name, packet in packets.items():
        for kind, header in (("plain", virtio()), ("partial", virtio(1, 0, 0, 34, 16 if name == "tcp" else 6))):
            frame = header + bytes(ether / packet)
            put("fuzz_frames", f"{name}_{kind}", record(0, frame) + edits() + edits((10 + 14 + 4, 9)) + edits((10 + 14 + 8, 2)))
        own_length = 10 + 14 + 20 + (12 if name == "tcp" else 5)
        put("fuzz_frames", f"{name}_short", record(0, virtio() + bytes(ether / packet)) + edits((own_length, 0x40)) + edits((own_length, 2)))
        put("fuzz_frames", f"{name}_elsewhere", record(0, virtio() + bytes(ether / packet)) + edits((10 + 14 + 18, 1)) * 2)
    segments = bytes(ether / ip / TCP(sport=40000, dport=443, flags="A", chksum=0) / Raw(bytes(range(256)) * 8))
    put("fuzz_frames", "tcp_train", record(0, virtio(1, 1, 500, 34, 16) + segments) + edits((1, 0)))


# ---- fuzz_peer: [suite of the link], records [from][how][ends][length 2][inner packet, or edits [place 2][byte]]

PARIS, ROME, KYOTO, OSAKA, BERLIN, INSTANCE, TIME, STRANGER = range(8)
EDIT, NETWORK_AS_IS, TRANSPORT_AS_IS, TRAIN, MARKED, CUT, ODD_HEADER, EACH_PROTOCOL = (1 << bit for bit in range(8))
AS_IT_IS, ROUTER_OF_BERLIN, ROUTER_OF_OSAKA, NOWHERE = 15, 2, 5, 10


def peer_seeds():
    def step(sender, content, how=0, source=AS_IT_IS, destination=AS_IT_IS):
        return struct.pack(">BBBH", sender, how, source << 4 | destination, len(content)) + content

    own = {PARIS: "172.16.0.5", ROME: "172.19.0.5", KYOTO: "172.18.0.5", OSAKA: "10.2.0.5", BERLIN: "10.1.0.5"}
    names = {PARIS: "paris", ROME: "rome", KYOTO: "kyoto", OSAKA: "osaka", BERLIN: "berlin"}
    for sender, source in own.items():
        ip = IP(src=source, dst="10.2.0.5" if sender == BERLIN else "10.1.0.5", id=7)
        quoted = bytes(IP(src="10.1.0.5", dst=source) / UDP(sport=1, dport=2) / Raw(b"q" * 8))
        packets = {
            "udp": ip / UDP(sport=5000, dport=53) / Raw(b"u" * 40),
            "tcp": ip / TCP(sport=40000, dport=443, seq=1000, flags="A") / Raw(b"t" * 100),
            "syn": ip / TCP(sport=40000, dport=443, flags="S", options=[("MSS", 1460)]),
            "echo": ip / ICMP(id=3, seq=1) / Raw(b"e" * 56),
            "long": ip / UDP(sport=1, dport=2) / Raw(b"l" * 1400),
            "too_big": ip / ICMP(type=3, code=4, nexthopmtu=900) / quoted,
            "gre": IP(src=source, dst=ip.dst, proto=47) / Raw(b"g" * 30),
        }
        link = sender % 4  # of each suite
        for name, packet in packets.items():
            content = bytes(packet)
            for how, kind in ((0, "plain"), (TRAIN | MARKED, "train"), (CUT, "cut")):
                put("fuzz_peer", f"{names[sender]}_{name}_{kind}", bytes([link]) + step(sender, content, how))
            put("fuzz_peer", f"{names[sender]}_{name}_astray", bytes([link])
                + step(sender, content, destination=NOWHERE) + step(sender, struct.pack(">HB", 8, 1), EDIT))
        for place, router in (("berlin", ROUTER_OF_BERLIN), ("osaka", ROUTER_OF_OSAKA)):
            for name in ("udp", "tcp", "echo"):
                content = bytes(packets[name])
                steps = step(sender, content, destination=router) + step(sender, content, CUT, destination=router)
                put("fuzz_peer", f"{names[sender]}_{name}_to_the_router_of_{place}", bytes([link]) + steps)
        for name in ("udp", "gre"):
            put("fuzz_peer", f"{names[sender]}_{name}_of_each_protocol", bytes([link]) + step(sender, bytes(packets[name]), EACH_PROTOCOL)
                + step(sender, bytes(packets[name]), EACH_PROTOCOL, destination=ROUTER_OF_BERLIN))
    frame = virtio() + bytes(Ether(src="02:f5:00:00:00:05", dst="02:00:00:00:00:01") / IP(src="10.1.0.5", dst="172.16.0.5") / UDP() / b"x")
    put("fuzz_peer", "there_and_back", b"\0" + step(INSTANCE, frame) + step(TIME, bytes(10)) + step(PARIS, bytes(IP(src="172.16.0.5", dst="10.1.0.5") / UDP() / b"y")))
    put("fuzz_peer", "another_label", b"\0" + step(OSAKA, struct.pack(">I", 18 << 12 | 0x100 | 64) + bytes(20), ODD_HEADER))
    put("fuzz_peer", "dummy", b"\0" + step(PARIS, bytes([59]) + bytes(20), ODD_HEADER))
    put("fuzz_peer", "stranger", b"\0" + step(STRANGER, bytes(40), TRAIN))


# ---- fuzz_reassemble: records [key and flags][offset 2][length][seconds]

def reassemble_seeds():
    def record(key, offset, length, seconds=0, more=False, lies=False, long=False):
        flags = key | more << 4 | lies << 5 | long << 7
        return struct.pack(">BHBB", flags, offset, length, seconds)

    put("fuzz_reassemble", "in_order", record(0, 0, 64, more=True) + record(0, 8, 64, more=True) + record(0, 16, 9))
    put("fuzz_reassemble", "backwards", record(0, 16, 9) + record(0, 8, 64, more=True) + record(0, 0, 64, more=True))
    put("fuzz_reassemble", "overlap", record(1, 0, 64, more=True) + record(1, 4, 64, more=True, lies=True) + record(1, 8, 8))
    put("fuzz_reassemble", "twice", record(1, 0, 64, more=True) * 2 + record(1, 8, 8))
    put("fuzz_reassemble", "late", record(2, 0, 64, 255, more=True) * 3 + record(2, 8, 8))
    put("fuzz_reassemble", "largest", b"".join(record(0, i * 1000, 31, more=True, long=True) for i in range(8)) + record(0, 8000, 200))
    put("fuzz_reassemble", "many", b"".join(record(key, 0, 16, more=True) for key in range(16)))


# ---- fuzz_esp: [2 × SA + authentic][ESP packet, or the text of one]

def esp_seeds():
    inner = bytes(IP(src="10.1.0.5", dst="10.2.0.9") / UDP(sport=1, dport=2) / Raw(b"x" * 20))
    for sa in range(30):
        pad = bytes(range(1, 1 + -(len(inner) + 2) % 16))
        put("fuzz_esp", f"authentic_{sa}", bytes([2 * sa + 1]) + inner + pad + bytes([len(pad), 4]))
        put("fuzz_esp", f"wire_{sa}", bytes([2 * sa]) + struct.pack(">II", 0x1000 + sa, 1) + bytes(64))
    put("fuzz_esp", "dummy_packet", bytes([1]) + bytes([1, 2, 2, 59]))
    put("fuzz_esp", "padding_too_long", bytes([1]) + inner + bytes([255, 4]))


# ---- fuzz_sad_protocol: [length 2][message]…; an even first byte stands for twice the type (farspan/ike/protocol.h)

HELLO, SYNCED, GET_SPI, ADD_SA, UPDATE_SA, QUERY_SA, DELETE_SA, FLUSH_SAS, ADD_POLICY, DELETE_POLICY = range(1, 11)


def sad_seeds():
    def say(kind, body=b""):
        text = struct.pack("<HHI", kind * 2, 0, 7) + body
        return struct.pack("<H", len(text)) + text

    def host(address, port=4500):
        return struct.pack("<HH16s", 2, port, bytes(map(int, address.split("."))))

    def named(is_inbound, spi):
        ends = ["192.0.2.1", "198.51.100.7"]
        source, destination = reversed(ends) if is_inbound else ends
        return host(source) + host(destination) + struct.pack(">I", spi) + struct.pack("<IBBH", 1, 50, is_inbound, 0)

    def selector(low="0.0.0.0", high="255.255.255.255"):
        text = [bytes(map(int, address.split("."))) for address in (low, high)]
        return struct.pack("<HBBHH16s16s", 2, 0, 0, 0, 65535, *text)

    def sa(is_inbound, spi, cipher=20, integrity=0, key=36, integrity_key=0):
        fixed = named(is_inbound, spi) + struct.pack("<I8B", 1, 2, 0, 1, 1, 1, 1, 1, 3)
        keys = struct.pack("<IHHHH64s64s", 32, cipher, integrity, key, integrity_key, b"k" * key, b"i" * integrity_key)
        return fixed + keys + struct.pack("<5QHH", 1 << 20, 1 << 21, 1000, 2000, 3600, 1, 1) + selector() * 2

    def policy(direction):
        fixed = struct.pack("<4BII", direction, 1, 1, 0, 1, 1) + bytes(4)
        return fixed + host("192.0.2.1") + host("198.51.100.7") + selector() * 2

    both = say(ADD_SA, sa(1, 0x1000)) + say(ADD_SA, sa(0, 0x2000))
    put("fuzz_sad_protocol", "gcm", both + say(SYNCED) + say(QUERY_SA, named(1, 0x1000)) + say(DELETE_SA, named(1, 0x1000)))
    put("fuzz_sad_protocol", "cbc", say(ADD_SA, sa(1, 0x1000, 12, 12, 32, 32)) + say(ADD_SA, sa(0, 0x2000, 12, 2, 16, 20)))
    move = named(1, 0x1000) + host("203.0.113.9", 1024) + host("192.0.2.1") + struct.pack("<4B", 1, 0, 0, 0)
    put("fuzz_sad_protocol", "update", both + say(UPDATE_SA, move) + say(FLUSH_SAS))
    put("fuzz_sad_protocol", "policies", both + b"".join(say(ADD_POLICY, policy(way)) for way in range(3)) + say(DELETE_POLICY, policy(1)))
    put("fuzz_sad_protocol", "spis", say(GET_SPI) * 3 + say(HELLO, struct.pack("<IQ", 1, 2)))


# ---- fuzz_delta_wire: a Delta; fuzz_tables: [descriptors][length 2][TablesRequest]…

IKE = """ike { version: 2 local: "192.0.2.1" remote: "198.51.100.7" local_id: "node" remote_id: "office"
  ike_proposal: "aes256-sha256-modp2048" esp_proposal: "aes256gcm16-esn-noesn" ike_lifetime_seconds: 86400
  esp_lifetime_seconds: 3600 local_subnets: "10.0.0.0/8" remote_subnets: "172.17.1.0/24" has_dpd: true }"""
ROWS = """vrfs { id: 1 vpc: "web" router: "10.0.0.253" label: 17 flow_domain: 3 }
  ports { id: 5 instance: "app" vrf: 1 address: "10.0.0.1" subnet: "10.0.0.0/24" gateway: "10.0.0.253"
          mac: "\\002\\365\\000\\000\\000\\005" security_groups: 2 }
  security_groups { id: 2 name: "sg" ingress { protocol: 6 port_low: 80 port_high: 80 peer: "0.0.0.0/0" priority: 1 }
                    egress { port_high: 65535 peer: "10.0.0.0/8" is_drop: true priority: 100 } }
  routes { key { vrf: 1 destination: "10.0.0.1/32" } next_hop { port: 5 } }
  routes { key { vrf: 1 table: TABLE_KIND_GATEWAY destination: "10.1.0.0/16" source: "10.0.0.0/8" } next_hop { tunnel { tunnel: 3 } } }
  routes { key { vrf: 1 destination: "10.2.0.0/16" } next_hop { tunnel { tunnel: 4 label: 18 } } }
  routes { key { vrf: 1 destination: "10.3.0.0/16" } next_hop { unreachable {} } }
  routes { key { vrf: 1 destination: "10.0.0.253/32" } next_hop { router {} } }"""
REMOVALS = """removed_vrfs: 9 removed_ports: 8 removed_security_groups: 7 removed_tunnels: 6
  removed_routes { vrf: 1 destination: "10.4.0.0/16" }"""


def message_seeds():
    tunnels = f"""tunnels {{ id: 3 {IKE} office {{ connection: "boston" vrf: 1 psk: "secret" }} }}
      tunnels {{ id: 2147483652 {IKE} link {{ peer_node: "shanghai" }} }}"""
    state = f'node: "virginia" to_generation: 2 {ROWS} {tunnels}'
    put("fuzz_delta_wire", "snapshot", message("Delta", "is_snapshot: true " + state))
    put("fuzz_delta_wire", "increment", message("Delta", f"from_generation: 1 {state} {REMOVALS}"))

    def request(text, descriptors=0):
        wire = message("TablesRequest", text)
        return struct.pack(">BH", descriptors, len(wire)) + wire

    rows = re.sub(r"\b(vpc|instance|name): \"\w+\"", "", ROWS).replace("security_groups: 2 }", "security_groups: 2 has_fd: true }")
    rows += 'tunnels { id: 3 vrf: 1 remote: "198.51.100.7" } tunnels { id: 4 is_link: true remote: "192.0.2.2" }'
    put("fuzz_tables", "snapshot", request(f"batch {{ is_snapshot: true generation: 2 {rows} }}", 1))
    removals = """removed_ports: 5 removed_tunnels: 3 removed_security_groups: 2
      removed_routes { vrf: 1 destination: "10.0.0.1/32" } removed_routes { vrf: 1 destination: "10.1.0.0/16" source: "10.0.0.0/8" }"""
    put("fuzz_tables", "increment", request(f"batch {{ generation: 2 {removals} }}") + request("get_tables {}"))
    for question in ("get_tables {}", "get_counters {}", "get_sas {}", "get_flows { limit: 5 }"):
        put("fuzz_tables", question.split()[0], request(question))


# ---- fuzz_quotes: an IPv4 packet with an ICMP message; a probe


def quotes_seeds():
    esp = bytes.fromhex("c0ffee010000002a")
    for name, mtu, inside in (("udp", 1300, UDP(sport=4500, dport=4500) / Raw(esp)), ("old_router", 0, Raw(esp)),
                              ("short", 1300, UDP(sport=4500, dport=4500))):
        quoted = IP(src="192.0.2.1", dst="198.51.100.2", proto=17 if inside.haslayer(UDP) else 50, len=1450, flags="DF")
        put("fuzz_quotes", name, bytes(IP(src="100.64.0.1", dst="192.0.2.1") / ICMP(type=3, code=4, nexthopmtu=mtu) / quoted / inside))
    put("fuzz_quotes", "ask", b"FS\1\1" + bytes(7) + b"\7" + bytes(100))
    put("fuzz_quotes", "told", b"FS\1\2" + bytes(7) + b"\7")


# ---- fuzz_vici: a VICI message, or a line of charon's log

def vici_seeds():
    def name(text):
        return bytes([len(text)]) + text.encode()

    def tree(content):
        text = b""
        for key, value in content.items():
            if isinstance(value, dict):
                text += b"\x01" + name(key) + tree(value) + b"\x02"
            elif isinstance(value, list):
                text += b"\x04" + name(key) + b"".join(b"\x05" + struct.pack(">H", len(i)) + i.encode() for i in value) + b"\x06"
            else:
                text += b"\x03" + name(key) + struct.pack(">H", len(value)) + value.encode()
        return text

    child = {"uniqueid": "2", "state": "INSTALLED", "spi-in": "c0ffee01", "spi-out": "c0ffee02", "encr-alg": "AES_GCM_16",
             "encr-keysize": "256", "esn": "1", "bytes-in": "100", "bytes-out": "200", "packets-in": "1", "packets-out": "2",
             "use-in": "3", "install-time": "60", "local-ts": ["10.0.0.0/8"], "remote-ts": ["172.17.1.0/24"]}
    ike = {"uniqueid": "1", "version": "2", "state": "ESTABLISHED", "local-host": "192.0.2.1", "local-port": "4500",
           "remote-host": "198.51.100.7", "remote-port": "4500", "responder-spi": "0123456789abcdef", "nat-any": "yes",
           "encr-alg": "AES_CBC", "encr-keysize": "256", "integ-alg": "HMAC_SHA2_256_128", "prf-alg": "PRF_HMAC_SHA2_256",
           "dh-group": "MODP_2048", "established": "70", "child-sas": {"net-2": child}}
    put("fuzz_vici", "list_sa", tree({"t3": ike}))
    put("fuzz_vici", "list_sa_link", tree({"t2147483652-2": ike}))
    put("fuzz_vici", "refusal", tree({"success": "no", "errmsg": "connection not found"}))
    put("fuzz_vici", "problem", b"farspan-problem psk_mismatch stage=auth by=us remote=192.0.2.7 id=office.example")


# ---- fuzz_documents: documents of every kind

def document_seeds():
    for path in sorted((ROOT / "examples/global-offices").glob("[0-9]-*.yaml")):
        put("fuzz_documents", path.name, path.read_bytes())
    put("fuzz_documents", "vpc.json", b'[{"kind": "Vpc", "name": "web", "spec": {"region": "us-east", "cidr": "10.0.0.0/16"}}]')


def main():
    for write in (parse_seeds, frames_seeds, peer_seeds, reassemble_seeds, esp_seeds, sad_seeds, message_seeds, quotes_seeds, vici_seeds, document_seeds):
        write()


if __name__ == "__main__":
    main()
