//! Names of compiled functions: without the types they were compiled for, and by whose doing they are there.

const LIBRARY: &str = "sea_orm_autocache::";

/// Functions that only take one of these are the same ones as on the plain connection.
const CONNECTIONS: [&str; 2] = ["::CachedConnection", "::CachedTransaction"];

/// The path of a function without type parameters: `<alloc::vec::Vec as core::clone::Clone>::clone`.
pub fn erased(name: &str) -> String {
    parts(name).swap_remove(0)
}

/// Whose doing a function is: the library's function that it is, or the first one whose closure is among its
/// type parameters, else the library's type among them. Without any of those, the function's own crate.
pub fn cause(name: &str) -> String {
    let parts = parts(name);
    let places = parts.iter().flat_map(|part| pieces(part)).filter(|piece| piece.contains(LIBRARY));
    let mut places: Vec<&str> = places.collect();
    let is_own = parts[0].contains(LIBRARY);
    if !is_own {
        places.retain(|piece| !CONNECTIONS.iter().any(|connection| piece.ends_with(connection)));
    }
    let own = places.first().filter(|_| is_own);
    let chosen = own.or_else(|| places.iter().find(|piece| piece.contains("::{"))).or(places.first());
    match chosen {
        Some(piece) => piece.split("::{").next().unwrap_or_default().replace(LIBRARY, ""),
        None => format!("no type of the library: {}", crate_of(&parts[0])),
    }
}

/// The crate of the function, or of the type that it is a method of.
pub fn crate_of(erased: &str) -> String {
    let words = erased.split(|sign: char| !(sign.is_alphanumeric() || sign == '_' || sign == ':'));
    let path = words.into_iter().find(|word| word.contains("::") && !word.starts_with(':'));
    path.and_then(|path| path.split("::").next()).unwrap_or("core").to_owned()
}

/// `e12::use12` as `eN::useN`: numbers that end an `e` or `use` are those of entities.
pub fn without_index(path: &str) -> String {
    let mut text = String::new();
    let mut word = String::new();
    for character in path.chars().chain(['\0']) {
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        let stem = word.trim_end_matches(|digit: char| digit.is_ascii_digit());
        let is_numbered = stem.len() < word.len() && ["e", "use"].contains(&stem);
        text += if is_numbered { stem } else { &word };
        text += if is_numbered { "N" } else { "" };
        word.clear();
        text.extend((character != '\0').then_some(character));
    }
    text
}

/// The name without its type parameters, then those parameters, lists of them, each without its own.
fn parts(name: &str) -> Vec<String> {
    let mut inner = Vec::new();
    let mut outer = String::new();
    let mut rest = name;
    while let Some(sign) = rest.chars().next() {
        let is_list =
            sign == '<' && outer.ends_with(|last: char| last.is_alphanumeric() || "_:}".contains(last));
        let length = if is_list { bracketed(rest) } else { sign.len_utf8() };
        if is_list {
            inner.extend(parts(rest[..length].trim_start_matches('<').trim_end_matches('>')));
            outer.truncate(outer.trim_end_matches("::").len());
        } else {
            outer.push(sign);
        }
        rest = &rest[length..];
    }
    inner.insert(0, outer);
    inner
}

/// The bytes from a bracket to the one that closes it.
fn bracketed(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut before = ' ';
    for (place, sign) in text.char_indices() {
        match sign {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place + sign.len_utf8();
        }
        before = sign;
    }
    text.len()
}

/// The types of a list.
fn pieces(list: &str) -> impl Iterator<Item = &str> {
    list.split([',', '(', ')', '&', '[', ']', '+', '=']).map(|piece| {
        let piece = piece.trim();
        piece.strip_prefix("mut ").or(piece.strip_prefix("dyn ")).unwrap_or(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLLECT: &str = "<alloc::vec::Vec<u8> as core::iter::FromIterator<u8>>::from_iter::<core::iter::Map<\
                           core::slice::Iter<u8>, <sea_orm_autocache::read::Reader<shop::e1::Entity>>::get\
                           ::<fn(u8) -> u8>::{closure#0}::{closure#1}>>";

    #[test]
    fn a_name_is_erased_of_its_type_parameters() {
        assert_eq!(erased(COLLECT), "<alloc::vec::Vec as core::iter::FromIterator>::from_iter");
        assert_eq!(erased("core::ptr::drop_in_place::<(a::B<C>, D)>"), "core::ptr::drop_in_place");
    }

    #[test]
    fn the_cause_is_whose_closure_it_is_compiled_for() {
        assert_eq!(cause(COLLECT), "<read::Reader>::get");
        assert_eq!(cause("core::ptr::drop_in_place::<sea_orm_autocache::Load<u8>>"), "Load");
        assert_eq!(cause("sea_orm_autocache::load::<core::iter::Map<u8>>::{closure#0}"), "load");
        let saved = "<shop::e1::ActiveModel as sea_orm::Save>::save::<sea_orm_autocache::CachedConnection>";
        assert_eq!(cause(saved), "no type of the library: shop");
        assert_eq!(cause("<[u8]>::is_empty"), "no type of the library: core");
    }

    #[test]
    fn names_are_the_same_for_all_entities() {
        let name = "<program::e12::Entity as core::f32>::use3";
        assert_eq!(without_index(name), "<program::eN::Entity as core::f32>::useN");
    }
}
