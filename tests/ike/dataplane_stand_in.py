# SPDX-License-Identifier: Apache-2.0
"""The data plane's half of sad.sock and ike.sock, without ESP: enough for IKE, and it tells what charon did.

Run inside the node's network namespace: dataplane_stand_in.py RUN_DIR ADDRESS. Owns UDP 500 and 4500 of ADDRESS and relays
IKE. Keeps SAs and policies as the protocol says and answers a line on DIR/stand-in.sock with its whole state as JSON, so that
tests can compare it with what charon believes. The struct layouts are read from the compiler's point of view: packed, host order.
"""
import json
import os
import random
import selectors
import socket
import struct
import sys

HOST = struct.Struct("=HH16s")
HEADER = struct.Struct("=HHI")
ID = struct.Struct("=20s20s4sIBB2s")
SELECTOR = struct.Struct("=HBBHH16s16s")
SA = struct.Struct(f"={ID.size}sI8BIHHHH64s64sQQQQQHH")
UPDATE = struct.Struct(f"={ID.size}s20s20sB3s")
POLICY = struct.Struct(f"=4BII4s20s20s{SELECTOR.size}s{SELECTOR.size}s")
REPLY = struct.Struct("=I4sQQQ")
IKE = struct.Struct("=20s20sBB2s")
(HELLO, SYNCED, GET_SPI, ADD_SA, UPDATE_SA, QUERY_SA, DELETE_SA, FLUSH_SAS, ADD_POLICY, DELETE_POLICY, FLUSH_POLICIES,
 QUERY_POLICY) = range(1, 13)
ANSWER, EXPIRE, MAPPING, ACQUIRE = 64, 65, 66, 67
OK, NOT_FOUND, UNSUPPORTED, MALFORMED, EXISTS = range(5)
OUTBOUND = 1


def host_text(raw):
    family, port, address = HOST.unpack(raw)
    return f"{socket.inet_ntoa(address[:4])}[{port}]" if family == socket.AF_INET else "none"


def make_host(address, port):
    return HOST.pack(socket.AF_INET, port, socket.inet_aton(address).ljust(16, b"\0"))


def selector_text(raw):
    _, protocol, _, low, high, first, last = SELECTOR.unpack(raw)
    return f"{socket.inet_ntoa(first[:4])}-{socket.inet_ntoa(last[:4])}/{protocol}/{low}-{high}"


class StandIn:
    def __init__(self, run_dir, address):
        self.address, self.selector = address, selectors.DefaultSelector()
        self.sas, self.policies, self.reserved, self.next_spi = {}, [], set(), 0xC0000000 | random.getrandbits(24)
        self.charon, self.ike, self.instances, self.syncs, self.errors = None, None, [], 0, []
        self.updates, self.strangers = 0, []
        for port in (500, 4500):
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((address, port))
            self.selector.register(udp, selectors.EVENT_READ, self.from_network)
            setattr(self, f"udp{port}", udp)
        for name, accept in (("sad", self.accept_sad), ("ike", self.accept_ike)):
            self.listen(f"{run_dir}/{name}.sock", socket.SOCK_SEQPACKET, accept)
        self.listen(f"{run_dir}/stand-in.sock", socket.SOCK_STREAM, self.accept_question)

    def listen(self, path, kind, accept):
        if os.path.exists(path):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(path)
        listener.listen(4)
        self.selector.register(listener, selectors.EVENT_READ, accept)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                key.data(key.fileobj)

    def replace(self, old, listener, read):
        if old:
            self.selector.unregister(old)
            old.close()
        new, _ = listener.accept()
        self.selector.register(new, selectors.EVENT_READ, read)
        return new

    # ---- IKE ----
    def accept_ike(self, listener):
        self.ike = self.replace(self.ike, listener, self.from_charon)

    def from_network(self, udp):
        payload, (address, port) = udp.recvfrom(65535)
        local = udp.getsockname()[1]
        if local == 4500 and payload[:4] != b"\0\0\0\0":
            return  # ESP, or a keepalive
        if self.ike:
            self.ike.send(IKE.pack(make_host(address, port), make_host(self.address, local), 0, 0, b"\0\0") + payload)

    def from_charon(self, connection):
        frame = connection.recv(70000)
        if not frame:
            self.selector.unregister(connection)
            connection.close()
            self.ike = None
            return
        source, destination, _, is_refused, _ = IKE.unpack_from(frame)
        if is_refused:
            self.strangers.append(host_text(source))
            return
        _, port, address = HOST.unpack(destination)
        udp = self.udp4500 if HOST.unpack(source)[1] == 4500 else self.udp500
        udp.sendto(frame[IKE.size:], (socket.inet_ntoa(address[:4]), port))

    # ---- SAs and policies ----
    def accept_sad(self, listener):
        self.charon = self.replace(self.charon, listener, self.request)

    def request(self, connection):
        frame = connection.recv(8192)
        if not frame:
            self.selector.unregister(connection)
            connection.close()
            self.charon = None
            return
        kind, length, serial = HEADER.unpack_from(frame)
        if length != len(frame) or serial == 0:
            self.errors.append(f"bad header of type {kind}")
        spi = b"\0" * 4
        status, answer = self.handle(kind, frame[HEADER.size:])
        if kind == GET_SPI:
            spi = answer
        body = REPLY.pack(status, spi, 0, 0, 0)
        connection.send(HEADER.pack(ANSWER, HEADER.size + len(body), serial) + body)

    def handle(self, kind, body):
        if kind == HELLO:
            version, instance = struct.unpack("=IQ", body)
            self.instances.append(instance)
            return (OK if version == 2 else UNSUPPORTED), None
        if kind == SYNCED:
            self.syncs += 1
            return OK, None
        if kind == GET_SPI:
            spi = struct.pack("!I", self.next_spi)
            self.next_spi += 1
            self.reserved.add(spi)
            return OK, spi
        if kind == ADD_SA:
            return self.add_sa(body), None
        if kind == UPDATE_SA:
            raw, source, destination, is_encapsulated, _ = UPDATE.unpack(body)
            sa = self.sas.get(self.key(raw))
            if not sa:
                return NOT_FOUND, None
            self.updates += 1
            sa.update(source=host_text(source), destination=host_text(destination), encapsulated=is_encapsulated)
            return OK, None
        if kind in (QUERY_SA, DELETE_SA):
            return self.query_or_delete(kind, body), None
        if kind in (FLUSH_SAS, FLUSH_POLICIES):
            (self.sas if kind == FLUSH_SAS else self.policies).clear()
            return OK, None
        if kind == ADD_POLICY:
            if body in self.policies:
                self.errors.append("policy added twice")
            self.policies.append(body)
            return OK, None
        if kind == DELETE_POLICY:
            if body not in self.policies:
                self.errors.append("unknown policy deleted")
                return NOT_FOUND, None
            self.policies.remove(body)
            return OK, None
        return NOT_FOUND, None

    @staticmethod
    def key(raw):
        _, _, spi, _, _, is_inbound, _ = ID.unpack(raw)
        return spi.hex(), is_inbound

    def add_sa(self, body):
        (raw, reqid, mode, is_update, _, is_encapsulated, esn, _, _, _, window, encryption, integrity, encryption_length,
         integrity_length, encryption_key, _, _, _, _, _, hard_seconds, sources, destinations) = SA.unpack_from(body)
        source, destination, spi, tunnel, protocol, is_inbound, _ = ID.unpack(raw)
        if len(body) != SA.size + (sources + destinations) * SELECTOR.size or mode != 2 or protocol != 50:
            return MALFORMED
        if is_update and spi not in self.reserved:
            return NOT_FOUND
        if self.key(raw) in self.sas:
            return EXISTS
        if encryption not in (12, 20) or not any(encryption_key[:encryption_length]):
            return UNSUPPORTED
        self.reserved.discard(spi)
        self.sas[self.key(raw)] = {
            "spi": spi.hex(), "inbound": is_inbound, "tunnel": tunnel, "reqid": reqid, "esn": esn, "window": window,
            "encapsulated": is_encapsulated, "source": host_text(source), "destination": host_text(destination),
            "encryption": encryption, "key_bytes": [encryption_length, integrity_length], "integrity": integrity,
            "hard_seconds": hard_seconds, "raw": raw.hex(), "selectors": [selector_text(body[SA.size + i * SELECTOR.size:][:SELECTOR.size])
                                                         for i in range(sources + destinations)]}
        return OK

    def query_or_delete(self, kind, raw):
        _, _, spi, _, _, is_inbound, _ = ID.unpack(raw)
        if kind == DELETE_SA and is_inbound and spi in self.reserved:
            self.reserved.discard(spi)
            return OK
        if self.key(raw) not in self.sas:
            return NOT_FOUND
        if kind == DELETE_SA:
            del self.sas[self.key(raw)]
        return OK

    # ---- questions of the test ----
    def accept_question(self, listener):
        connection, _ = listener.accept()
        words = connection.makefile().readline().split()
        if words[0] == "expire":  # SPI hard|soft
            self.raise_event(EXPIRE, words[1], b"\0" * 20, words[2] == "hard")
        if words[0] == "mapping":  # SPI ADDRESS PORT
            self.raise_event(MAPPING, words[1], make_host(words[2], int(words[3])), False)
        if words[0] == "deaf":  # to what charon sends, while it goes on to hear
            self.selector.unregister(self.ike)
        if words[0] == "hearing":
            self.selector.register(self.ike, selectors.EVENT_READ, self.from_charon)
        if words[0] == "acquire":
            self.raise_acquire()
        state = {"sas": list(self.sas.values()), "policies": [self.policy(p) for p in self.policies], "syncs": self.syncs,
                 "reserved": len(self.reserved), "instances": self.instances, "errors": self.errors, "updates": self.updates, "strangers": self.strangers,
                 "connected": self.charon is not None and self.ike is not None}
        connection.sendall(json.dumps(state).encode())
        connection.close()

    @staticmethod
    def policy(raw):
        direction, _, priority, _, tunnel, reqid, spi, _, _, source, destination = POLICY.unpack(raw)
        return {"direction": direction, "priority": priority, "tunnel": tunnel, "reqid": reqid, "spi": spi.hex(),
                "source": selector_text(source), "destination": selector_text(destination)}

    def raise_event(self, kind, spi, remote, is_hard):
        sa = next(sa for sa in self.sas.values() if sa["spi"] == spi)
        body = bytes.fromhex(sa["raw"]) + remote + bytes([is_hard, 0, 0, 0])
        self.charon.send(HEADER.pack(kind, HEADER.size + len(body), 0) + body)

    def raise_acquire(self):
        trap = next(p for p in self.policies if POLICY.unpack(p)[2] == 2 and POLICY.unpack(p)[0] == OUTBOUND)
        _, _, _, _, tunnel, reqid, _, _, _, source, destination = POLICY.unpack(trap)
        body = struct.pack("=II", reqid, tunnel) + source + destination
        self.charon.send(HEADER.pack(ACQUIRE, HEADER.size + len(body), 0) + body)


if __name__ == "__main__":
    StandIn(sys.argv[1], sys.argv[2]).run()
