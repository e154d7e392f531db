//! One limit on deletions for several registries.

/// Divides an allowance among those who want this much each, the smallest wishes first. Nobody gets more than it wants, the
/// sum is never more than the allowance, and only one gets a part of what it wants: a unit that is larger than what is left
/// goes whole, so that only one such unit can go over it.
pub fn divided(allowance: u64, wanted: &[u64]) -> Vec<u64> {
    let mut shares = vec![0; wanted.len()];
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|at| wanted[*at]);
    let mut left = allowance;
    for at in order {
        shares[at] = wanted[at].min(left);
        left -= shares[at];
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_wishes_are_granted_and_one_gets_the_rest() {
        assert_eq!(divided(100, &[10, 500, 0, 500]), [10, 90, 0, 0]);
        assert_eq!(divided(2, &[5, 5, 5]), [2, 0, 0]);
        assert_eq!(divided(0, &[3]), [0]);
        assert_eq!(divided(9, &[]), Vec::<u64>::new());
    }

    proptest! {
        #[test]
        fn nothing_is_given_twice_and_nothing_is_held_back(
            allowance in 0_u64..5_000,
            wanted in proptest::collection::vec(0_u64..2_000, 0..40),
        ) {
            let shares = divided(allowance, &wanted);
            prop_assert!(shares.iter().zip(&wanted).all(|(share, wanted)| share <= wanted));
            let all: u64 = wanted.iter().sum();
            prop_assert_eq!(shares.iter().sum::<u64>(), allowance.min(all));
            let parts = shares.iter().zip(&wanted).filter(|(share, wanted)| **share > 0 && share < wanted);
            prop_assert!(parts.count() <= 1, "{:?}", shares);
        }
    }
}
