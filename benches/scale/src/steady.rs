//! A cache that has been up for long: rows expire, and are read again.

use crate::zipf::Zipf;

/// What a cache settles at.
#[derive(Clone, Copy, Debug)]
pub struct Steady {
    /// From 0 to 1.
    pub hit_ratio: f64,
    pub selects_per_s: f64,
    /// Rows that are in the cache.
    pub rows: f64,
}

/// A row that is read `rate` times a second is in the cache for its TTL, and then not until it is read again, 1/`rate`
/// later: a miss for every 1 + `rate` × TTL reads. Hits do not prolong a TTL.
pub fn steady(rows: u64, reads_per_s: f64, ttl_s: f64) -> Steady {
    let mut found = Steady { hit_ratio: 0.0, selects_per_s: 0.0, rows: 0.0 };
    for class in Zipf::over(rows).classes() {
        let rate = reads_per_s * class.share;
        let cached = rate * ttl_s / (1.0 + rate * ttl_s);
        found.rows += class.rows * cached;
        found.selects_per_s += class.rows * rate * (1.0 - cached);
    }
    found.hit_ratio = 1.0 - found.selects_per_s / reads_per_s;
    found
}

/// `SELECT`s a second of a cache that was empty so many seconds ago. The database takes as many as come.
///
/// A row misses at its first read, and at the first one after each time that its TTL is over. So the nth miss comes
/// n - 1 TTLs and n pauses between reads after the start.
pub fn cold(rows: u64, reads_per_s: f64, ttl_s: f64, after_s: f64) -> f64 {
    let misses = |rate: f64| {
        let mut sum = 0.0;
        let (mut waited, mut ways, mut misses) = (after_s, 1.0, 1.0);
        while waited >= 0.0 {
            sum += rate * (rate * waited).powf(misses - 1.0) / ways * (-rate * waited).exp();
            ways *= misses;
            misses += 1.0;
            waited -= ttl_s;
        }
        sum
    };
    Zipf::over(rows).classes().iter().map(|class| class.rows * misses(reads_per_s * class.share)).sum()
}
