//! JSON values that are taken where they have the expected shape, and passed over where not.
//!
//! Statements come from many tools, and from anybody who may push. A member of another type is as if it were not there, what
//! is not wanted is skipped without being kept, and whatever is kept is bounded.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The longest text that is kept, in characters.
const LONGEST: usize = 500;
/// The most elements of a list, and names of an object, that are kept.
pub(super) const MOST: usize = 100;

/// A shape that a value may have.
pub(super) trait Shape: Sized {
    fn of_text(_text: &str) -> Option<Self> {
        None
    }

    fn of_flag(_flag: bool) -> Option<Self> {
        None
    }

    fn of_number(_number: u64) -> Option<Self> {
        None
    }

    fn of_object<'de, M: MapAccess<'de>>(mut map: M) -> Result<Option<Self>, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn of_list<'de, S: SeqAccess<'de>>(mut list: S) -> Result<Option<Self>, S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A value that has the shape, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lenient<T>(pub(super) Option<T>);

impl<T> Default for Lenient<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Shape> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor(PhantomData)).map(Self)
    }
}

struct ShapeVisitor<T>(PhantomData<T>);

impl<'de, T: Shape> Visitor<'de> for ShapeVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::of_text(text))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Option<T>, E> {
        Ok(T::of_flag(flag))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Option<T>, M::Error> {
        T::of_object(map)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, list: S) -> Result<Option<T>, S::Error> {
        T::of_list(list)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Option<T>, E> {
        Ok(T::of_number(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
}

/// A text, cut where it is too long. An empty one counts as none.
pub(super) type Text = Lenient<String>;

impl Shape for String {
    fn of_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.chars().take(LONGEST).collect())
    }
}

impl Text {
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

/// A text of any length.
pub(super) struct Whole(pub(super) String);

impl Shape for Whole {
    fn of_text(text: &str) -> Option<Self> {
        Some(Self(text.to_owned()))
    }
}

impl Shape for bool {
    fn of_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

/// An object with members of its own.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<T: for<'de> Deserialize<'de>> Shape for Object<T> {
    fn of_object<'de, M: MapAccess<'de>>(map: M) -> Result<Option<Self>, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|it| Some(Self(it)))
    }
}

impl<T> Lenient<Object<T>> {
    pub(super) fn object(&self) -> Option<&T> {
        self.0.as_ref().map(|Object(it)| it)
    }
}

/// An object or a list that is there, whatever it holds.
#[derive(Debug)]
pub(super) struct Present;

impl Shape for Present {
    fn of_object<'de, M: MapAccess<'de>>(mut map: M) -> Result<Option<Self>, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }

    fn of_list<'de, S: SeqAccess<'de>>(mut list: S) -> Result<Option<Self>, S::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Some(Self))
    }
}

/// How many elements a list has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Count(pub(super) u64);

impl Shape for Count {
    fn of_list<'de, S: SeqAccess<'de>>(mut list: S) -> Result<Option<Self>, S::Error> {
        let mut count = 0;
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Some(Self(count)))
    }
}

/// The first elements of a list that have the shape, and how many elements there are.
#[derive(Debug)]
pub(super) struct List<T> {
    pub(super) first: Vec<T>,
    pub(super) count: u64,
}

impl<T: Shape> Shape for List<T> {
    fn of_list<'de, S: SeqAccess<'de>>(mut list: S) -> Result<Option<Self>, S::Error> {
        let mut read = Self { first: Vec::new(), count: 0 };
        while read.first.len() < MOST {
            let Some(Lenient(element)) = list.next_element::<Lenient<T>>()? else { return Ok(Some(read)) };
            read.count += 1;
            read.first.extend(element);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            read.count += 1;
        }
        Ok(Some(read))
    }
}

impl<T> Lenient<List<T>> {
    pub(super) fn first(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |list| &list.first)
    }
}

/// The names of an object's members, without their values.
#[derive(Debug)]
pub(super) struct Names(pub(super) Vec<String>);

impl Shape for Names {
    fn of_object<'de, M: MapAccess<'de>>(mut map: M) -> Result<Option<Self>, M::Error> {
        let mut names = Vec::new();
        while let Some((Lenient(name), _)) = map.next_entry::<Text, IgnoredAny>()? {
            names.extend(name.filter(|_| names.len() < MOST));
        }
        Ok(Some(Self(names)))
    }
}
