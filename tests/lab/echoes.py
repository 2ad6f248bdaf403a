"""A ping that runs while something happens, judged by its numbers: not one may be missing."""

import re
import threading

from conftest import wait_for


class Echoes:
    """Reads what a running ping prints of each answer."""

    MORE = 5  # answers awaited before the end: whatever was sent before them has had its time

    def __init__(self, process, interrupt):
        self.process, self.interrupt = process, interrupt
        self.answered = set()
        self.newest = 0
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            found = re.search(r"icmp_seq=(\d+) ttl=", line)
            if found:
                self.answered.add(int(found[1]))
                self.newest = max(self.newest, int(found[1]))

    def stop(self):
        """How many were sent and answered until now; fails when one of them was not, or none is answered any more. What is on
        its way when the ping ends is none of them."""
        until = self.newest
        try:
            wait_for("echoes are answered until the end", lambda: self.newest > until + self.MORE)
        finally:
            self.interrupt()
            self.process.wait(30)
            self.reader.join(30)
        missing = sorted(set(range(1, until + 1)) - self.answered)
        assert not missing, f"{len(missing)} of {until} echoes were not answered: {missing[:20]}"
        return until
