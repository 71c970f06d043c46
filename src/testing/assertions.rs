//! Macros, so that a failed assertion is reported at the line of the test. Exported under hidden names: those of the
//! kit are in `testing`.

/// Awaits a future and asserts that the cache has answered it alone: at least one row, tombstone or list was a hit, and
/// there was no miss, no bypass and no SQL. Answers with what the future does.
///
/// ```
/// # async fn test(cache: &sea_orm_autocache::testing::TestAutocache, read: impl Future<Output = ()>) {
/// use sea_orm_autocache::testing::assert_hit;
///
/// let book = assert_hit!(cache, read); // such as book::Entity::cache().get(1)
/// # let () = book; }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __assert_hit {
    ($cache:expr, $call:expr $(,)?) => {{
        let (answer, cost) = $cache.cost($call).await;
        if let ::std::option::Option::Some(found) = cost.unlike_a_hit() {
            ::std::panic!("{}", cost.complaint(::std::stringify!($call), "a hit", found));
        }
        answer
    }};
}

/// Awaits a future and asserts that the cache had no answer for at least one key of it. Answers with what the future
/// does.
///
/// ```
/// # async fn test(cache: &sea_orm_autocache::testing::TestAutocache, read: impl Future<Output = ()>) {
/// use sea_orm_autocache::testing::assert_miss;
///
/// let book = assert_miss!(cache, read); // such as book::Entity::cache().get(1)
/// # let () = book; }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __assert_miss {
    ($cache:expr, $call:expr $(,)?) => {{
        let (answer, cost) = $cache.cost($call).await;
        if let ::std::option::Option::Some(found) = cost.unlike_a_miss() {
            ::std::panic!("{}", cost.complaint(::std::stringify!($call), "a miss", found));
        }
        answer
    }};
}

/// Awaits a future and asserts how many statements it has sent to the database. Answers with what the future does.
///
/// ```
/// # async fn test(cache: &sea_orm_autocache::testing::TestAutocache, work: impl Future<Output = ()>) {
/// use sea_orm_autocache::testing::assert_sql;
///
/// assert_sql!(cache, 1, work);
/// # }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __assert_sql {
    ($cache:expr, $statements:expr, $call:expr $(,)?) => {
        $crate::__assert_cost!($cache, { sql: $statements }, $call)
    };
}

/// Awaits a future and asserts parts of its [`Cost`](crate::testing::Cost): `sql`, `round_trips`, and any of the
/// [`Counts`](crate::Counts). Answers with what the future does.
///
/// ```
/// # async fn test(cache: &sea_orm_autocache::testing::TestAutocache, read: impl Future<Output = ()>) {
/// use sea_orm_autocache::testing::assert_cost;
///
/// assert_cost!(cache, { sql: 1, round_trips: 3, fills: 1 }, read);
/// # }
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __assert_cost {
    ($cache:expr, { $($field:ident: $expected:expr),+ $(,)? }, $call:expr $(,)?) => {{
        let (answer, cost) = $cache.cost($call).await;
        $(
            let expected: u64 = $expected;
            if cost.$field != expected {
                let (expected, found) = (
                    ::std::format!(::std::concat!(::std::stringify!($field), "={}"), expected),
                    ::std::format!(::std::concat!(::std::stringify!($field), "={}"), cost.$field),
                );
                ::std::panic!("{}", cost.complaint(::std::stringify!($call), &expected, &found));
            }
        )+
        answer
    }};
}
