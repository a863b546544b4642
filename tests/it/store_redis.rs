//! What only the Redis store does.
