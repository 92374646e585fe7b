//! Tells which Python dependencies keep the GIL off on free-threaded CPython, from the bytes of their wheels, without
//! running any of them.
//!
//! # The flow
//!
//! What the user typed becomes **requests**, each with file and line (`input`). For each **target**, a Python on a
//! platform, `resolve` finds out what an installer would choose and so which **artifacts** count; what it needs to know
//! comes from `index`, the only user of the network. `archive` lists an artifact's members and unpacks those that can
//! be extension modules; of a source distribution or a project's folder, `source` reads what a build of it would become.
//! `examine` reads each module into **facts**: what the file says of itself, judged by nobody. To that end `binary` reads
//! the file's data, and `evaluator` follows the code that makes the module. `import` says what the
//! target's interpreter would do with such a file: whether it finds it, which hook it calls, whether it loads, and what
//! that does to the GIL: an **outcome**. `rules` turn outcomes into **findings**, and `verdict` turns findings, and what
//! could not be seen, into one **verdict** for each package and target. `gate` says what a team's policy, with its waivers
//! and an earlier report, makes of them. `report` renders the whole run. `scan` is the front door: it knows how the stages
//! meet. Where the set is not ready, it also looks for versions that are, and `plan` makes of what it finds the way to get
//! there.
//!
//! What is installed already needs no choice: for an environment `installed` takes the place of `resolve`. It lists the
//! distributions and says whose each compiled file is; from there on the flow is the same.
//!
//! Beside the flow run **problems**: what we could not look at, where and why. Any stage may add one, none may drop
//! one. A silent failure would look like good news here, so every fact may be unknown, every condition has three
//! outcomes, and `ready` means that nothing relevant was unreadable.
//!
//! Nouns are in `model`, which imports nothing of ours; `pep508` is the guarded way from text to a requirement; facts about CPython, such as the grammar of extension modules' file
//! names, are in `cpython`. Each verb imports only these two; only `scan` and `cli` know more than one verb. The library
//! never prints, exits, or reads the environment, the clock or the current directory.

#![deny(unsafe_code)]

pub mod archive;
pub mod binary;
pub mod compare;
pub mod cpython;
pub mod evaluator;
pub mod examine;
pub mod gate;
pub mod import;
pub mod index;
pub mod input;
pub mod installed;
mod lexical;
mod memo;
pub mod model;
pub mod pep508;
pub mod plan;
mod regular_file;
pub mod report;
pub mod resolve;
pub mod rules;
pub mod scan;
pub mod source;
pub mod verdict;
