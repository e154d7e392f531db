//! One limit on deletions for several registries.

/// Divides an allowance among those who want this much each: nobody gets more than it wants, and what is left after that is
/// shared alike. The sum is never more than the allowance.
pub fn divided(allowance: u64, wanted: &[u64]) -> Vec<u64> {
    let mut shares = vec![0; wanted.len()];
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|at| wanted[*at]);
    let mut left = allowance;
    for (nth, at) in order.iter().enumerate() {
        let others = (order.len() - nth) as u64;
        let share = wanted[*at].min(left.div_ceil(others)).min(left);
        shares[*at] = share;
        left -= share;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_wishes_are_granted_and_the_rest_is_shared() {
        assert_eq!(divided(100, &[10, 500, 0, 500]), [10, 45, 0, 45]);
        assert_eq!(divided(2, &[5, 5, 5]), [1, 1, 0]);
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
            // Whoever got less than it wanted got no less than anybody else, but for the rest of a division.
            let least = shares.iter().zip(&wanted).filter(|(share, wanted)| share < wanted).map(|(it, _)| it).min();
            let most = shares.iter().max();
            if let (Some(least), Some(most)) = (least, most) {
                prop_assert!(least + 1 >= *most, "{:?}", shares);
            }
        }
    }
}
