//! Which of an instance's snapshots stay when the others go.

use jiff::civil::DateTime;
use serde::Serialize;

/// How many stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rules {
    /// The newest ones.
    pub last: usize,
    /// The newest one of each of the newest days that have one.
    pub daily: usize,
    /// The same of weeks, which begin on Mondays.
    pub weekly: usize,
    /// The same of months.
    pub monthly: usize,
}

/// Why one stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is one of the newest.
    Last,
    /// It is the newest of its day.
    Daily,
    /// It is the newest of its week.
    Weekly,
    /// It is the newest of its month.
    Monthly,
    /// It is the newest one that is whole.
    LastGood,
    /// None is whole, so nobody can tell what is worth something.
    NoneGood,
}

impl Reason {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Last => "one of the last",
            Reason::Daily => "its day",
            Reason::Weekly => "its week",
            Reason::Monthly => "its month",
            Reason::LastGood => "the last good one",
            Reason::NoneGood => "no good one is there",
        }
    }
}

/// Why each of these stays, which are in the order of their times, the newest first; it goes where
/// there is no reason. Where one goes, the newest one that is good stays, whatever the rules say.
/// `is_good` is asked the newest first, and only until one is; not at all where all stay.
///
/// # Errors
/// What `is_good` says.
pub fn select<E>(
    taken: &[DateTime],
    rules: Rules,
    mut is_good: impl FnMut(usize) -> Result<bool, E>,
) -> Result<Vec<Vec<Reason>>, E> {
    let mut reasons = vec![Vec::new(); taken.len()];
    for of_newest in reasons.iter_mut().take(rules.last) {
        of_newest.push(Reason::Last);
    }
    for (reason, count, period) in [
        (Reason::Daily, rules.daily, day as fn(&DateTime) -> _),
        (Reason::Weekly, rules.weekly, week),
        (Reason::Monthly, rules.monthly, month),
    ] {
        let mut periods = Vec::new();
        for (time, reasons) in taken.iter().zip(&mut reasons) {
            let period = period(time);
            if periods.len() < count && periods.last() != Some(&period) {
                periods.push(period);
                reasons.push(reason);
            }
        }
    }
    if reasons.iter().all(|reasons| !reasons.is_empty()) {
        return Ok(reasons);
    }
    for (index, of_one) in reasons.iter_mut().enumerate() {
        if is_good(index)? {
            of_one.push(Reason::LastGood);
            return Ok(reasons);
        }
    }
    reasons
        .iter_mut()
        .for_each(|of_one| of_one.push(Reason::NoneGood));
    Ok(reasons)
}

fn day(time: &DateTime) -> (i16, i8, i8) {
    (time.year(), time.month(), time.day())
}

fn week(time: &DateTime) -> (i16, i8, i8) {
    let week = time.date().iso_week_date();
    (week.year(), week.week(), 0)
}

fn month(time: &DateTime) -> (i16, i8, i8) {
    (time.year(), time.month(), 0)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use jiff::ToSpan;
    use jiff::civil::datetime;
    use proptest::prelude::*;

    use super::*;

    fn selected(taken: &[DateTime], rules: Rules, good: &[bool]) -> Vec<Vec<Reason>> {
        let is_good = |index: usize| Ok::<_, Infallible>(good[index]);
        select(taken, rules, is_good).unwrap()
    }

    #[test]
    fn each_rule_keeps_the_newest_of_its_periods() {
        // Two a day, on days of two years.
        let days = [
            (2026, 1, 2),
            (2026, 1, 1),
            (2025, 12, 31),
            (2025, 12, 28),
            (2025, 11, 3),
        ];
        let taken: Vec<DateTime> = days
            .iter()
            .flat_map(|&(y, m, d)| [22, 2].map(|hour| datetime(y, m, d, hour, 0, 0, 0)))
            .collect();
        let good = vec![true; taken.len()];
        let kept = |rules: Rules| -> Vec<usize> {
            let reasons = selected(&taken, rules, &good);
            let kept = reasons.iter().enumerate();
            kept.filter(|(_, r)| r.iter().any(|r| *r != Reason::LastGood))
                .map(|(index, _)| index)
                .collect()
        };
        let none = Rules::default();
        assert_eq!(kept(Rules { last: 3, ..none }), [0, 1, 2]);
        assert_eq!(kept(Rules { daily: 3, ..none }), [0, 2, 4]);
        // The first days of January are of the last week of December.
        assert_eq!(kept(Rules { weekly: 2, ..none }), [0, 6]);
        assert_eq!(kept(Rules { monthly: 9, ..none }), [0, 4, 8]);
    }

    #[test]
    fn the_last_good_one_stays_and_the_newest_are_asked_first() {
        let taken: Vec<DateTime> = (1..=5)
            .rev()
            .map(|day| datetime(2026, 1, day, 0, 0, 0, 0))
            .collect();
        let rules = Rules {
            last: 1,
            ..Rules::default()
        };
        let mut asked = Vec::new();
        let reasons = select(&taken, rules, |index| {
            asked.push(index);
            Ok::<_, Infallible>(index == 2)
        })
        .unwrap();
        assert_eq!(asked, [0, 1, 2]);
        assert_eq!(reasons[0], [Reason::Last]);
        assert_eq!(reasons[2], [Reason::LastGood]);
        assert!(reasons[1].is_empty() && reasons[3].is_empty() && reasons[4].is_empty());

        let none_good = selected(&taken, rules, &[false; 5]);
        assert!(none_good.iter().all(|r| r.contains(&Reason::NoneGood)));
        let all = Rules {
            last: 5,
            ..Rules::default()
        };
        select(&taken, all, |_| Err("nobody is asked where all stay")).unwrap();
    }

    proptest! {
        #[test]
        fn nothing_good_is_lost_and_a_second_time_changes_nothing(
            hours in prop::collection::vec(0_i64..20_000, 0..40),
            good in prop::collection::vec(any::<bool>(), 40),
            (last, daily, weekly, monthly) in (0_usize..6, 0_usize..6, 0_usize..6, 0_usize..6),
        ) {
            let mut taken: Vec<DateTime> = hours
                .iter()
                .map(|hours| datetime(2024, 1, 1, 0, 0, 0, 0) + hours.hours())
                .collect();
            taken.sort();
            taken.reverse();
            let rules = Rules { last, daily, weekly, monthly };
            let reasons = selected(&taken, rules, &good);
            let stays: Vec<usize> =
                (0..taken.len()).filter(|index| !reasons[*index].is_empty()).collect();
            for reasons in reasons.iter().take(last) {
                prop_assert!(reasons.contains(&Reason::Last));
            }
            if let Some(newest_good) = (0..taken.len()).find(|index| good[*index]) {
                prop_assert!(stays.contains(&newest_good));
            } else {
                prop_assert_eq!(stays.len(), taken.len());
            }
            // Those that are left are what the rules keep of them, too.
            let left: Vec<DateTime> = stays.iter().map(|index| taken[*index]).collect();
            let left_good: Vec<bool> = stays.iter().map(|index| good[*index]).collect();
            let again = selected(&left, rules, &left_good);
            prop_assert!(again.iter().all(|reasons| !reasons.is_empty()));
        }
    }
}
