"""The contract of the store: one suite that every engine runs through.

Each promise of `tonearm.store.base` is a test here, told as a sentence. A new engine is one line in `engines.py`; the
tests know the protocol alone and never look inside. `steps.py` holds the verbs they are told with.
"""
