#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../docs/guide/README.md")]

// On GitHub the links between pages lead to files, here to modules: `links.md` comes first, and the first definition of
// a link counts.
macro_rules! pages {
    ($($(#[$meta:meta])* $page:ident: $file:literal,)*) => {
        $(
            $(#[$meta])*
            #[doc = include_str!("guide/links.md")]
            #[doc = include_str!($file)]
            pub mod $page {}
        )*
    };
}

pages! {
    getting_started: "../docs/guide/getting_started.md",
    keys_and_ttls: "../docs/guide/keys_and_ttls.md",
    relations: "../docs/guide/relations.md",
    dense_entities: "../docs/guide/dense_entities.md",
    transactions: "../docs/guide/transactions.md",
    bulk_writes: "../docs/guide/bulk_writes.md",
    write_calls: "../docs/guide/write_calls.md",
    hooks: "../docs/guide/hooks.md",
    recipes: "../docs/guide/recipes.md",
    #[cfg(feature = "testing")]
    testing: "../docs/guide/testing.md",
    #[cfg(all(feature = "metrics", feature = "serde"))]
    observability: "../docs/guide/observability.md",
    cli: "../docs/guide/cli.md",
    deployment: "../docs/guide/deployment.md",
    #[cfg(feature = "tls-rustls-ring")]
    connecting: "../docs/guide/connecting.md",
    tuning: "../docs/guide/tuning.md",
    at_scale: "../docs/guide/at_scale.md",
    failovers: "../docs/guide/failovers.md",
    troubleshooting: "../docs/guide/troubleshooting.md",
    faq: "../docs/guide/faq.md",
    costs: "../docs/guide/costs.md",
    compile_cost: "../docs/guide/compile_cost.md",
    comparison: "../docs/guide/comparison.md",
    migrating: "../docs/guide/migrating.md",
    caveats: "../docs/guide/caveats.md",
    glossary: "../docs/guide/glossary.md",
}
