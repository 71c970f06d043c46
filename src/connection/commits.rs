use sea_orm::TransactionSession;

/// A connection whose statements commit by themselves: all but transactions.
///
/// A transaction fits in two ways, so that the compiler does not know which is meant, and refuses it.
pub trait CommitsByItself<How> {}

/// Any connection.
#[doc(hidden)]
#[derive(Debug)]
pub enum Pool {}

/// What makes a transaction no such connection.
#[doc(hidden)]
#[derive(Debug)]
pub enum BeginTransactionsOnTheCachedConnection {}

impl<D> CommitsByItself<Pool> for D {}
impl<D: TransactionSession> CommitsByItself<BeginTransactionsOnTheCachedConnection> for D {}
