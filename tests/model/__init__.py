"""The state machine: random sequences of calls to an engine, each compared with a plain model of the queue."""
