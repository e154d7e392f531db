//! How many calls of one operation may be in flight, and how many a second, by what ECR answers. Pure.
//!
//! Additive increase and multiplicative decrease. ECR publishes no rates for most operations, and they are shared with
//! everybody in the account, so that nothing can be configured beforehand.

use std::time::Duration;

use tokio::time::Instant;

/// Calls in flight to begin with.
const FIRST: f64 = 4.0;
/// Rising latency alone never leads below this many, nor below so many times what the calls that are answered in a second
/// need at the usual latency: fewer would only make fewer calls, whatever is slow.
const LEAST_BY_LATENCY: f64 = 8.0;
const NEEDED_BY_LATENCY: f64 = 2.0;
/// Answers that take so many times as long as usual say that ECR, the network or this machine is at its limit.
const SLOW: f64 = 3.0;
/// Differences below this say nothing, in seconds.
const NOISE: f64 = 0.05;
/// The share that is left of the calls in flight after answers that were throttled, or slow.
const LEFT_AFTER_THROTTLING: f64 = 0.7;
const LEFT_AFTER_LATENCY: f64 = 0.8;
/// The share of the rate that was throttled which is tried next: the first time nobody knows how much of it was a burst.
const LEFT_OF_RATE: f64 = 0.9;
const LEFT_OF_FIRST_RATE: f64 = 0.6;
/// Growth of the rate a second: far below the one that was throttled, near it, and when that was a while ago.
const GROWTH_BELOW: f64 = 0.1;
const GROWTH_NEAR: f64 = 0.005;
const GROWTH_LATER: f64 = 0.02;
const NEAR: f64 = 0.9;
const A_WHILE: Duration = Duration::from_secs(30);
/// After throttling, what was sent before it is not held against the new rate.
const SETTLING: Duration = Duration::from_secs(1);
/// Less than any rate that ECR publishes. What is throttled below it is throttled whatever the rate.
const LEAST_RATE: f64 = 4.0;
/// The longest pause before the next place.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// A rate that needs no limit any more.
const FREE_RATE: f64 = 2000.0;

/// One answer of ECR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Anything but throttling, after this time.
    Accepted(Duration),
    /// Too many calls.
    Throttled,
}

/// The limits on the calls of one operation.
#[derive(Debug)]
pub(super) struct Controller {
    most: f64,
    limit: f64,
    /// Until the first trouble the limit doubles with each round of answers.
    is_starting: bool,
    /// In seconds: what answers take now, and what they take at best.
    average: f64,
    usual: f64,
    eased_at: Option<Instant>,
    accepted: Accepted,
    rate: Option<Rate>,
    paused: Duration,
}

/// A limit on calls a second. There is none before the first throttling.
#[derive(Debug)]
struct Rate {
    a_second: f64,
    /// The rate that was throttled last, and when.
    throttled: f64,
    throttled_at: Instant,
    grown_at: Instant,
    next: Instant,
}

impl Controller {
    /// Never more than `most` calls in flight.
    pub(super) fn new(most: usize, now: Instant) -> Self {
        let most = most.max(1) as f64;
        Self {
            most,
            limit: FIRST.min(most),
            is_starting: true,
            average: 0.0,
            usual: 0.0,
            eased_at: None,
            accepted: Accepted { from: now, before: 0.0, now: 0.0 },
            rate: None,
            paused: Duration::ZERO,
        }
    }

    /// Calls that may be in flight.
    pub(super) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// When the next call may be sent, which takes this place.
    pub(super) fn place(&mut self, now: Instant) -> Instant {
        let Some(rate) = &mut self.rate else { return now };
        rate.grow(now);
        let place = rate.take_place(now);
        if rate.a_second > FREE_RATE {
            self.rate = None;
        }
        place
    }

    /// The pauses after throttling so far. Places that were taken before a pause move by its length.
    pub(super) fn paused(&self) -> Duration {
        self.paused
    }

    /// Takes note of an answer. `is_full` says whether the limit was reached: one that is not used says nothing.
    pub(super) fn note(&mut self, answer: Answer, is_full: bool, now: Instant) {
        match answer {
            Answer::Throttled => self.ease_off(now),
            Answer::Accepted(took) => {
                self.accepted.add(now);
                self.note_latency(took.as_secs_f64(), now);
                if is_full {
                    let more = if self.is_starting { 1.0 } else { 1.0 / self.limit };
                    self.limit = (self.limit + more).min(self.most);
                }
            }
        }
    }

    fn note_latency(&mut self, took: f64, now: Instant) {
        if self.usual == 0.0 {
            (self.average, self.usual) = (took, took);
        }
        self.average += (took - self.average) * 0.1;
        // What is usual may rise, slowly.
        self.usual = self.average.min(self.usual + (self.average - self.usual).max(0.0) * 0.002);
        let is_slow = self.average > SLOW * self.usual && self.average > self.usual + NOISE;
        let round = Duration::from_secs_f64(self.average);
        let needed = NEEDED_BY_LATENCY * self.accepted.a_second(now) * self.usual;
        let least = LEAST_BY_LATENCY.max(needed);
        if is_slow && self.limit > least && !self.has_eased_within(round, now) {
            self.is_starting = false;
            self.limit = (self.limit * LEFT_AFTER_LATENCY).max(least);
            self.eased_at = Some(now);
        }
    }

    fn ease_off(&mut self, now: Instant) {
        self.is_starting = false;
        let round = Duration::from_secs_f64(self.average).max(SETTLING);
        let has_eased = self.has_eased_within(round, now);
        let accepted = self.accepted.a_second(now);
        let is_first = self.rate.is_none();
        let rate = self.rate.get_or_insert_with(|| Rate::first(accepted * LEFT_OF_FIRST_RATE, now));
        // It will be sent again, which takes a place, too; and one more, so that it is not throttled again.
        let next = rate.next.max(now);
        let latest = next.max(now + LONGEST_PAUSE);
        rate.next = (next + rate.gap() * 2).min(latest);
        self.paused += rate.next - next;
        if has_eased {
            return;
        }
        self.eased_at = Some(now);
        if !is_first {
            rate.ease_off(now);
        }
        // The rate does what matters; calls that wait for their next attempt must not hold up all others.
        let needed = FIRST + 2.0 * rate.a_second * self.average;
        self.limit = (self.limit * LEFT_AFTER_THROTTLING).max(needed.min(self.limit));
    }

    fn has_eased_within(&self, time: Duration, now: Instant) -> bool {
        self.eased_at.is_some_and(|eased| now.saturating_duration_since(eased) < time)
    }
}

impl Rate {
    fn first(a_second: f64, now: Instant) -> Self {
        let a_second = a_second.max(LEAST_RATE);
        Self { a_second, throttled: f64::INFINITY, throttled_at: now, grown_at: now, next: now }
    }

    fn ease_off(&mut self, now: Instant) {
        self.throttled = self.a_second;
        self.throttled_at = now;
        self.a_second = (self.a_second * LEFT_OF_RATE).max(LEAST_RATE);
    }

    fn take_place(&mut self, now: Instant) -> Instant {
        let place = self.next.max(now);
        self.next = place + self.gap();
        place
    }

    fn gap(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.a_second)
    }

    fn grow(&mut self, now: Instant) {
        let growth = if self.a_second < NEAR * self.throttled {
            GROWTH_BELOW
        } else if now.saturating_duration_since(self.throttled_at) < A_WHILE {
            GROWTH_NEAR
        } else {
            GROWTH_LATER
        };
        // A time without calls proves nothing.
        let passed = now.saturating_duration_since(self.grown_at).as_secs_f64().min(1.0);
        self.a_second *= 1.0 + growth * passed;
        self.grown_at = now;
    }
}

/// The calls that ECR accepted, in this second and the one before.
#[derive(Debug)]
struct Accepted {
    from: Instant,
    before: f64,
    now: f64,
}

impl Accepted {
    const WINDOW: f64 = 1.0;

    fn add(&mut self, now: Instant) {
        self.turn(now);
        self.now += 1.0;
    }

    fn a_second(&mut self, now: Instant) -> f64 {
        self.turn(now);
        let passed = now.saturating_duration_since(self.from).as_secs_f64();
        self.now + self.before * (Self::WINDOW - passed).max(0.0)
    }

    fn turn(&mut self, now: Instant) {
        let windows = (now.saturating_duration_since(self.from).as_secs_f64() / Self::WINDOW).floor();
        if windows >= 1.0 {
            self.before = if windows < 2.0 { self.now } else { 0.0 };
            self.now = 0.0;
            self.from += Duration::from_secs_f64(windows * Self::WINDOW);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Answer = Answer::Accepted(Duration::from_millis(100));

    fn answered(controller: &mut Controller, answers: &[Answer], is_full: bool, now: Instant) {
        answers.iter().for_each(|answer| controller.note(*answer, is_full, now));
    }

    #[test]
    fn the_limit_doubles_with_each_round_up_to_the_ceiling() {
        let now = Instant::now();
        let mut controller = Controller::new(20, now);
        let mut limits = Vec::new();
        for _ in 0..4 {
            limits.push(controller.limit());
            let round = vec![QUICK; controller.limit()];
            answered(&mut controller, &round, true, now);
        }
        assert_eq!(limits, [4, 8, 16, 20]);
    }

    #[test]
    fn a_limit_that_is_not_used_does_not_grow() {
        let now = Instant::now();
        let mut controller = Controller::new(64, now);
        answered(&mut controller, &[QUICK; 100], false, now);
        assert_eq!(controller.limit(), 4);
    }

    #[test]
    fn throttling_costs_once_a_round_and_what_follows_is_additive() {
        let now = Instant::now();
        let mut controller = Controller::new(64, now);
        answered(&mut controller, &[QUICK; 36], true, now);
        assert_eq!(controller.limit(), 40);
        answered(&mut controller, &[Answer::Throttled; 30], true, now);
        assert_eq!(controller.limit(), 28);
        answered(&mut controller, &[QUICK; 28], true, now);
        assert_eq!(controller.limit(), 28, "one more a round, not twice as many");
        answered(&mut controller, &[QUICK; 2], true, now);
        assert_eq!(controller.limit(), 29);
    }

    #[test]
    fn answers_that_take_much_longer_than_usual_lower_the_limit_but_not_to_one() {
        let mut now = Instant::now();
        let mut controller = Controller::new(64, now);
        answered(&mut controller, &[QUICK; 60], true, now);
        assert_eq!(controller.limit(), 64);
        for _ in 0..200 {
            now += Duration::from_secs(1);
            answered(&mut controller, &[Answer::Accepted(Duration::from_secs(2))], true, now);
        }
        assert!((8..20).contains(&controller.limit()), "{}", controller.limit());
    }

    #[test]
    fn what_the_rate_of_answers_needs_stays_however_slow_they_are() {
        let mut now = Instant::now();
        let mut controller = Controller::new(64, now);
        answered(&mut controller, &[QUICK; 60], true, now);
        // 200 a second, each after 400 ms instead of 100: half of them would be answered as soon.
        let slow = Answer::Accepted(Duration::from_millis(400));
        for _ in 0..100 {
            now += Duration::from_millis(100);
            answered(&mut controller, &[slow; 20], true, now);
        }
        assert!((40..=64).contains(&controller.limit()), "{}", controller.limit());
    }

    #[test]
    fn places_are_a_rate_apart_once_something_was_throttled() {
        let now = Instant::now();
        let mut controller = Controller::new(64, now);
        assert_eq!([controller.place(now), controller.place(now)], [now, now]);
        answered(&mut controller, &[QUICK; 10], true, now);
        answered(&mut controller, &[Answer::Throttled], true, now);
        let places: Vec<Duration> = (0..4).map(|_| controller.place(now) - now).collect();
        let gap = Duration::from_secs_f64(1.0 / 6.0);
        let is_after = |place: Duration, gaps: u32| place.abs_diff(gap * gaps) < Duration::from_micros(1);
        assert!((2..).zip(&places).all(|(gaps, place)| is_after(*place, gaps)), "{places:?}");
        assert_eq!(controller.paused(), gap * 2);
    }
}
