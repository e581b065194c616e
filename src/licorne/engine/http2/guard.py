"""Guard: counts what a peer makes us do for nothing, and says when it is too much (RFC 9113 §10.5).

    resets      streams that end before their time, whoever says so: the peer, or we because of what it sent.
                Each has made an application begin (CVE-2023-44487, CVE-2025-8671)
    glitches    frames that are allowed and carry nothing: pings, settings, empty data, credits that
                are tiny when a large one does not go with them, what is ignored
    replies     our answers to those, as long as the peer does not take them

The first two are token buckets: a burst is free, and so is a rate. What is free still takes its time, so all of it is
counted as work of the turn too: who reads it puts the rest off when it is much.
"""

from licorne.engine.http2.errors import H2Error
from licorne.engine.http2.frames import ENHANCE_YOUR_CALM
from licorne.engine.limits import Limits

__all__ = ["Guard", "TokenBucket"]

# How much more work it is than to read a frame of a body.
_RESET_WORK = 32
_GLITCH_WORK = 4
# A credit of fewer bytes is worth less than its frame, unless others make up for it: HAProxy gives what it has taken
# of a frame back in two, a large one and a small one. They make up for no more than so much.
_FAIR_CREDIT = 256
_MAX_SURPLUS = 65536


class TokenBucket:
    """Let a burst pass, and a rate; a burst of 0 is no limit."""

    __slots__ = ("burst", "rate", "time", "tokens")

    def __init__(self, burst: float, rate: float) -> None:
        """Take how many may come at once, and how many a second."""
        self.burst = burst
        self.rate = rate
        self.tokens = burst
        self.time = 0.0

    def spend(self, now: float) -> bool:
        """Take a token at `now`, in seconds; False when there is none."""
        if not self.burst:
            return True
        self.tokens = min(self.burst, self.tokens + max(0.0, now - self.time) * self.rate)
        self.time = now
        if self.tokens < 1.0:
            return False
        self.tokens -= 1.0
        return True


class Guard:
    """Hold the counts of one connection. Every method raises H2Error(ENHANCE_YOUR_CALM) when it is too much."""

    __slots__ = ("glitches", "max_replies", "replies", "resets", "surplus", "work")

    def __init__(self, limits: Limits) -> None:
        self.resets = TokenBucket(limits.h2_reset_burst, limits.h2_reset_rate)
        self.glitches = TokenBucket(limits.h2_glitch_burst, limits.h2_glitch_rate)
        self.max_replies = limits.h2_max_queued_replies
        #: Answers that wait to be sent.
        self.replies = 0
        #: What credits were worth beyond their frames.
        self.surplus = 0
        #: What the frames of this turn have cost for nothing; who reads frames sets it back.
        self.work = 0

    def count_reset(self, now: float) -> None:
        """Take note of a stream that ended before its time."""
        self.work += _RESET_WORK
        if not self.resets.spend(now):
            raise H2Error(ENHANCE_YOUR_CALM, "the peer has too many streams reset")

    def count_glitch(self, now: float) -> None:
        """Take note of a frame that carries nothing."""
        self.work += _GLITCH_WORK
        if not self.glitches.spend(now):
            raise H2Error(ENHANCE_YOUR_CALM, "the peer sends too many frames that carry nothing")

    def count_credit(self, credit: int, now: float) -> None:
        """Take note of a credit, which is a glitch when it is tiny and so were those before."""
        surplus = self.surplus + credit - _FAIR_CREDIT
        if surplus < 0:
            self.count_glitch(now)
            surplus = 0
        self.surplus = min(surplus, _MAX_SURPLUS)

    def count_reply(self) -> None:
        """Take note of an answer that now waits to be sent."""
        self.replies += 1
        if self.max_replies and self.replies > self.max_replies:
            raise H2Error(ENHANCE_YOUR_CALM, "the peer does not take the answers to what it asks")
