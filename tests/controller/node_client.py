# SPDX-License-Identifier: Apache-2.0
"""Clients of the nodes' port: a machine with a node's certificate, and strangers who speak HTTP/2 by hand."""

import json
import socket
import ssl
import struct

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SESSION_NAME = "controller.farspan"
ENROLMENT_NAME = "enrolment.controller.farspan"


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, payload):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def fields_of(wire):
    """The length-delimited fields of a message, by number."""
    found, at = {}, 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = wire[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(wire):
        tag = number()
        if tag & 7 == 2:
            length = number()
            found[tag >> 3] = wire[at:at + length]
            at += length
        else:
            number()
    return found


HELLO = field(1, field(1, b"test"))


def status(payload):
    """NodeMessage{status}"""
    return field(3, payload)


class Machine:
    """Enrolled as `node` at a controller."""

    def __init__(self, controller, node):
        self.controller = controller
        self.node = node
        code, bundle = controller.ask("POST", f"/v1/nodes/{node}/enrolment")
        assert code == 200, bundle
        self.ca = bundle["ca_certificate"].encode()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = None
        reply = fields_of(self.enrol(bundle["token"]))
        self.certificate = x509.load_der_x509_certificate(reply[1]).public_bytes(serialization.Encoding.PEM)

    def request_for_certificate(self, key):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.node)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.DER)

    def enrol(self, token):
        wire = field(1, self.node.encode()) + field(2, token.encode()) + field(3, self.request_for_certificate(self.key))
        return enrol(self.controller.listen, self.ca, wire)

    def channel(self):
        key = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        credentials = grpc.ssl_channel_credentials(self.ca, key, self.certificate)
        return grpc.secure_channel(self.controller.listen, credentials, options_for(SESSION_NAME))


def options_for(name):
    return [("grpc.ssl_target_name_override", name), ("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]


def enrol(address, ca, wire, timeout=10):
    with grpc.secure_channel(address, grpc.ssl_channel_credentials(ca), options_for(ENROLMENT_NAME)) as channel:
        return channel.unary_unary("/farspan.v1.Enrolment/Enrol")(wire, timeout=timeout)


class Session:
    """One session of a machine; what is said is bytes."""

    def __init__(self, channel, hello=HELLO):
        self.waiting = []
        self.is_over = False
        self.call = channel.stream_stream("/farspan.v1.NodeSession/Session")(self._say())
        self.say(hello)

    def _say(self):
        import time
        while not self.is_over:
            if self.waiting:
                yield self.waiting.pop(0)
            else:
                time.sleep(0.005)

    def say(self, message):
        self.waiting.append(message)

    def next(self):
        return next(self.call)

    def end(self):
        """How the controller ended it."""
        try:
            for _ in self.call:
                pass
            return self.call.code()
        except grpc.RpcError as error:
            return error.code()
        finally:
            self.is_over = True

    def close(self):
        self.is_over = True
        self.call.cancel()


class Http2:
    """A stranger's connection, frame by frame (RFC 9113): gRPC's own client would not do what it does."""

    def __init__(self, address, name=ENROLMENT_NAME, timeout=10):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        host, port = address.rsplit(":", 1)
        self.socket = context.wrap_socket(socket.create_connection((host, int(port)), timeout=timeout), server_hostname=name)
        self.socket.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + self.frame(4, 0, 0, b""))

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def begin(self, stream, path="/farspan.v1.Enrolment/Enrol"):
        """HEADERS of a request whose body is still to come; every field literal (RFC 7541 section 6.2.2)."""
        block = b""
        for name, value in ((":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "x"),
                            ("content-type", "application/grpc"), ("te", "trailers")):
            block += b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        self.socket.sendall(self.frame(1, 4, stream, block))

    def announce(self, stream, length, sent):
        """A message of `length` bytes of which `sent` come."""
        data = b"\x00" + struct.pack(">I", length) + bytes(sent)
        for at in range(0, len(data), 16384):
            self.socket.sendall(self.frame(0, 0, stream, data[at:at + 16384]))

    def is_ended(self, timeout):
        self.socket.settimeout(timeout)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def close(self):
        self.socket.close()


def problems(controller, node):
    """What `farspan nodes` says of it."""
    return json.dumps(next(row["failures"] for row in controller.get("/v1/nodes")["nodes"] if row["node"] == node))
