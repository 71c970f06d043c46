# Entities are cached; connections of a test are audited at its end; tests run on tokio, without a log.

# A line that may belong to what follows.
function flush() {
    if (held != "") print held
    held = ""
}

# The table of this entity changes while the program runs: it is not cached, and the compiler would say so.
FILENAME ~ /features\/dyn_table_name\.rs$/ { print; next }

# What the files share is compiled once.
/^(pub )?mod common;/ { print "pub use crate::common;"; next }
/^(pub )?mod common \{/ { print "pub use crate::common;"; shared = 1; next }
shared { shared = !/^}/; next }

/^ *impl ActiveModelBehavior for ActiveModel \{\}/ {
    flush()
    print "sea_orm::cached!(ActiveModel);"
    next
}

/^ *#\[async_trait::async_trait\]/ { flush(); held = $0; next }

/^impl ActiveModelBehavior for ActiveModel \{/ {
    print "sea_orm::cached! {"
    flush()
    print
    inside = 1
    next
}

inside && /^}/ { print "}"; print "}"; inside = 0; next }

# Only the line of the function tells whether it is asynchronous.
/^ *#\[sea_orm_macros::test\]/ { flush(); test = 1; attributes = ""; next }
test && !/fn / { attributes = attributes $0 "\n"; next }
test { print (/async fn/ ? "#[tokio::test(flavor = \"multi_thread\")]" : "#[test]"); printf "%s", attributes; test = 0 }

/^    pub async fn delete\(&self\) \{/ { flush(); print; print "        sea_orm::audit(&self.db).await;"; next }

{ flush(); print }
END { flush() }
