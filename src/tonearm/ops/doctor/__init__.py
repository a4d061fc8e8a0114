"""The doctor: looks at everything that this process would live in, and changes nothing."""

from tonearm.ops.doctor.examination import examine

__all__ = ["examine"]
