//! The rules, one promise at a time.

mod because;
mod following;
mod forecast;
mod gates;
mod images;
mod in_use;
mod indexes;
mod orphans;
mod own_tag;
mod parents;
mod properties;
mod pulls;
mod reads;
mod referrers;
mod rows;
mod sentences;
mod suspects;
mod world;
