"""Tasks that misbehave in a domain worker; a module of its own so that the worker can import it."""

import os
import time
from dataclasses import dataclass

from askwell_interview import DocumentError


@dataclass(frozen=True)
class Encode:
    texts: tuple[str, ...]

    def run(self, desk):
        return desk.encoder.encode(self.texts)


@dataclass(frozen=True)
class Misbehave:
    how: str
    field: str = "resume"
    secret: str = "private words"

    def run(self, desk):
        if self.field:
            desk.reading(self.field)
        match self.how:
            case "hang":
                time.sleep(60)
            case "die":
                os._exit(11)
            case "grow":
                return len(bytearray(16 * 1024**3))
            case "recurse":
                return self.run(desk)
            case "refuse":
                raise DocumentError("holds no text", self.field)
            case "fail":
                raise ValueError(self.secret)
        return os.getpid()
