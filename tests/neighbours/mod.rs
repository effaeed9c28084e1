//! One tenant, person or network at its worst, and what others notice of it. Bounded, so that it runs with everything else;
//! `bench/run neighbours` does the same for longer and prints how long others wait.
mod connections;
mod growth;
mod kept;
mod many;
mod people;
mod time;
