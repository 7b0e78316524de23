//! The documentation is true: the commands of its pages run and answer what the pages say, its
//! links lead somewhere, and its tables have everything that the code has.

mod blocks;
mod code;
mod compared;
mod lines;
mod links;
mod pages;
mod run;
mod tables;
