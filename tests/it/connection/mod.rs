//! What may be done with the connections, and what becomes of the cache then.

mod calls;
mod nested;
mod observed;
mod restricted;
mod surface;
mod uses;
mod work;
mod wrapped;
