"""The store in Redis: one queue that any number of processes on any number of machines share."""

from tonearm.store.redis.engine import RedisStore, open_redis

__all__ = ["RedisStore", "open_redis"]
