# SPDX-License-Identifier: Apache-2.0
"""ESP packets judged by scapy, which shares no code with us: what it seals we open, what we seal it opens.

Scapy does not put the high half of an ESN under a separate ESP hash, so for those SAs scapy ciphers and the
standard library computes the HMAC as RFC 4303 section 2.2.1 says.
"""
import hmac
import os
import random
import struct
import subprocess

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from scapy.layers.inet import IP, UDP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Raw, raw

PROGRAM = os.environ["FARSPAN_ESP_EXCHANGE"]
RANDOM = random.Random(4303)
OUTER = IP(src="192.0.2.1", dst="198.51.100.1")

# IANA transforms, key bytes, scapy's names, hash of the ICV, bytes of the ICV
SUITES = [
    (20, 0, 20, 0, "AES-GCM", None, None, 16),
    (20, 0, 36, 0, "AES-GCM", None, None, 16),
    (20, 0, 28, 0, "AES-GCM", None, None, 16),
    (28, 0, 36, 0, "CHACHA20-POLY1305", None, None, 16),
    (12, 1, 16, 16, "AES-CBC", "HMAC-MD5-96", "md5", 12),
    (12, 2, 16, 20, "AES-CBC", "HMAC-SHA1-96", "sha1", 12),
    (12, 2, 24, 20, "AES-CBC", "HMAC-SHA1-96", "sha1", 12),
    (12, 12, 24, 32, "AES-CBC", "SHA2-256-128", "sha256", 16),
    (12, 2, 32, 20, "AES-CBC", "HMAC-SHA1-96", "sha1", 12),
    (12, 12, 16, 32, "AES-CBC", "SHA2-256-128", "sha256", 16),
    (12, 12, 32, 32, "AES-CBC", "SHA2-256-128", "sha256", 16),
    (12, 13, 32, 48, "AES-CBC", "SHA2-384-192", "sha384", 24),
    (12, 13, 16, 48, "AES-CBC", "SHA2-384-192", "sha384", 24),
    (12, 14, 24, 64, "AES-CBC", "SHA2-512-256", "sha512", 32),
    (12, 14, 32, 64, "AES-CBC", "SHA2-512-256", "sha512", 32),
    (3, 1, 24, 16, "3DES", "HMAC-MD5-96", "md5", 12),
    (3, 2, 24, 20, "3DES", "HMAC-SHA1-96", "sha1", 12),
    (3, 12, 24, 32, "3DES", "SHA2-256-128", "sha256", 16),
    (2, 1, 8, 16, "DES", "HMAC-MD5-96", "md5", 12),
    (2, 2, 8, 20, "DES", "HMAC-SHA1-96", "sha1", 12),
]
SIZES = list(range(0, 72)) + list(range(72, 1501, 37)) + [1400, 1499, 1500, 9000, 65000 - 28]


def exchange(lines):
    done = subprocess.run([PROGRAM], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == len(lines)
    return answers


class Case:
    """One SA and one packet."""

    def __init__(self, suite, has_esn, size):
        (self.encryption, self.integrity, encryption_length, integrity_length, self.cipher, self.auth, self.digest,
         self.icv_length) = suite
        self.has_esn = has_esn
        self.spi = RANDOM.randrange(256, 1 << 32)
        # with ESN sometimes right before the low half wraps
        self.sequence = RANDOM.choice([1, 77, (1 << 32) - 1, 1 << 32, (5 << 32) + 9] if has_esn else [1, 77, (1 << 32) - 1])
        self.key = RANDOM.randbytes(encryption_length)
        self.hash_key = RANDOM.randbytes(integrity_length)
        self.inner = raw(IP(src="10.10.10.5", dst="172.16.1.10") / UDP(sport=4000, dport=53) / Raw(RANDOM.randbytes(size)))

    @property
    def high(self):
        return self.sequence >> 32

    @property
    def low(self):
        return self.sequence & 0xFFFFFFFF

    def line(self, verb, *rest):
        return " ".join(str(word) for word in (
            verb, self.encryption, self.integrity, int(self.has_esn), self.spi, self.sequence - 1, self.key.hex(),
            self.hash_key.hex() or "-", *rest))

    def hashes_esn_itself(self):
        return self.has_esn and self.auth is not None

    def association(self):
        auth = {} if self.auth is None or self.hashes_esn_itself() else {"auth_algo": self.auth, "auth_key": self.hash_key}
        return SecurityAssociation(ESP, spi=self.spi, crypt_algo=self.cipher, crypt_key=self.key,
                                   tunnel_header=OUTER, esn_en=self.has_esn, esn=self.high, **auth)

    def icv(self, esp):
        mac = hmac.new(self.hash_key, esp + struct.pack("!L", self.high), self.digest)
        return mac.digest()[:self.icv_length]

    def sealed_by_scapy(self):
        esp = raw(self.association().encrypt(IP(self.inner), seq_num=self.low)[ESP])
        return esp + self.icv(esp) if self.hashes_esn_itself() else esp

    def opened_by_scapy(self, esp):
        if self.hashes_esn_itself():
            esp, icv = esp[:-self.icv_length], esp[-self.icv_length:]
            assert icv == self.icv(esp)
        return raw(self.association().decrypt(OUTER.copy() / ESP(esp)))


def cases():
    for suite in SUITES:
        for has_esn in (False, True):
            for size in SIZES:
                yield Case(suite, has_esn, size)


# scapy seals low half 0 as "use my counter"; ours never sends it without ESN either
def sealable_by_scapy(case):
    return case.low != 0


def test_what_scapy_seals_we_open():
    every = [case for case in cases() if sealable_by_scapy(case)]
    assert len(every) > 1000
    for case, answer in zip(every, exchange([case.line("open", case.sealed_by_scapy().hex()) for case in every])):
        assert answer == f"inner 4 {case.inner.hex()}", (case.cipher, case.auth, case.has_esn, len(case.inner))


def test_what_we_seal_scapy_opens():
    every = list(cases())
    for case, answer in zip(every, exchange([case.line("seal", 4, case.inner.hex()) for case in every])):
        verb, esp = answer.split()
        assert verb == "esp"
        esp = bytes.fromhex(esp)
        assert struct.unpack("!LL", esp[:8]) == (case.spi, case.low)
        assert case.opened_by_scapy(esp) == case.inner, (case.cipher, case.auth, case.has_esn, len(case.inner))


def test_a_wrong_high_half_or_key_is_a_bad_icv():
    lines = []
    for suite in SUITES:
        case = Case(suite, True, 100)
        case.sequence = (1 << 32) + 5
        sealed = case.sealed_by_scapy().hex()
        case.sequence = (2 << 32) + 5
        lines.append(case.line("open", sealed))
        case.sequence = (1 << 32) + 5
        case.key = case.key[:-1] + bytes([case.key[-1] ^ 2])  # 1 is the parity of DES
        if case.auth is not None:
            case.hash_key = case.hash_key[:-1] + bytes([case.hash_key[-1] ^ 1])
        lines.append(case.line("open", sealed))
    assert exchange(lines) == ["drop bad_icv"] * len(lines)


def test_our_padding_counts_one_two_three():
    every = [Case(suite, False, size) for suite in SUITES if suite[4] == "AES-CBC" for size in range(16)]
    for case, answer in zip(every, exchange([case.line("seal", 4, case.inner.hex()) for case in every])):
        esp = bytes.fromhex(answer.split()[1])[:-case.icv_length]
        decryptor = Cipher(algorithms.AES(case.key), modes.CBC(esp[8:24])).decryptor()
        text = decryptor.update(esp[24:]) + decryptor.finalize()
        pad = -(len(case.inner) + 2) % 16
        assert text == case.inner + bytes(range(1, pad + 1)) + bytes([pad, 4])
