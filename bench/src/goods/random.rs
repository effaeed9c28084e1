//! Chance that is the same everywhere and always: labelled queries name products by what chance made them, and no
//! crate promises that its next version draws the same numbers.

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014): one addition and a mixing of bits, good enough for wares.
pub(crate) struct Random(u64);

impl Random {
    /// A source of its own for each pair, so that product 4,711 is the same in every catalogue that has one.
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        Self(mix(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ mix(number)))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`, which is not zero. The bias of the remainder is far below what anyone would see.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in so many cases of a hundred.
    pub(crate) fn percent(&mut self, cases: u64) -> bool {
        self.below(100) < cases
    }

    /// One of several; a vocabulary has no empty list.
    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    /// Two of several that differ, unless there is only one.
    pub(crate) fn two<'a, T>(&mut self, of: &'a [T]) -> (&'a T, &'a T) {
        let (first, further) = (self.index(of.len()), 1 + self.index((of.len() - 1).max(1)));
        (&of[first], &of[(first + further) % of.len()])
    }

    /// An index into so many, of which the first come up more often than the last: brands are not equally large.
    pub(crate) fn skewed(&mut self, len: usize) -> usize {
        self.index(len).min(self.index(len))
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
