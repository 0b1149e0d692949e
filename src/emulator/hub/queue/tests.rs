use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
}

fn item(number: i64, expires: i64) -> Queued<&'static str> {
    Queued {
        number,
        enqueued: at(0),
        expires: at(expires),
        deliveries: 0,
        lock: None,
        content: Arc::new("x"),
    }
}

fn until(token: u128, end: i64) -> Lock {
    Lock {
        token: Uuid::from_u128(token),
        holder: Holder::Until(at(end)),
    }
}

fn waiting(queue: &Queue<&'static str>) -> Vec<i64> {
    queue.available().map(|item| item.number).collect()
}

#[test]
fn what_comes_back_stands_at_its_old_place() {
    let mut queue = Queue::default();
    for number in 1..4 {
        queue.push(item(number, 100));
    }
    queue.lock(1, until(7, 60)).unwrap();
    queue.lock(2, until(8, 61)).unwrap();
    assert_eq!(waiting(&queue), [3]);
    assert!(queue.pass_time(at(59)).is_empty());
    assert_eq!(queue.due(), Some(at(60)));
    assert_eq!(queue.pass_time(at(60)).len(), 1);
    assert_eq!(waiting(&queue), [1, 3]);
    let token = Uuid::from_u128(8);
    assert_eq!(queue.settle(at(60), token, None, Outcome::Abandon).len(), 1);
    assert_eq!(waiting(&queue), [1, 2, 3]);
    // Its lock is gone with that.
    let again = queue.settle(at(60), token, None, Outcome::Complete);
    assert!(again.is_empty());
}

#[test]
fn only_the_holder_settles() {
    let (one, two) = (ListenerId(1), ListenerId(2));
    let token = Uuid::from_u128(9);
    let mut queue = Queue::default();
    queue.push(item(1, 100));
    let holder = Holder::Listener(one);
    queue.lock(1, Lock { token, holder }).unwrap();
    for other in [None, Some(two)] {
        let steps = queue.settle(at(0), token, other, Outcome::Complete);
        assert!(steps.is_empty());
    }
    assert!(queue.leave(at(0), two).is_empty());
    // Held by someone who is connected it is not stale.
    assert!(queue.pass_time(at(1000)).is_empty());
    let steps = queue.settle(at(1000), token, Some(one), Outcome::Reject);
    assert!(matches!(
        steps.as_slice(),
        [(Change { after: None, .. }, Some(Departure::Rejected))]
    ));
    assert!(queue.is_empty());
}

#[test]
fn what_was_given_out_ten_times_or_is_stale_does_not_come_back() {
    let mut queue = Queue::default();
    queue.push(item(1, 1_000_000));
    for round in 1..=MAX_DELIVERIES {
        let token = Uuid::from_u128(round.into());
        queue.lock(1, until(round.into(), 60)).unwrap();
        let steps = queue.settle(at(0), token, None, Outcome::Abandon);
        let departure = steps[0].1;
        let expected = (round == MAX_DELIVERIES).then_some(Departure::Exhausted);
        assert_eq!(departure, expected, "round {round}");
    }
    queue.push(item(2, 50));
    queue.lock(2, until(1, 60)).unwrap();
    assert!(queue.pass_time(at(55)).is_empty());
    let steps = queue.pass_time(at(60));
    assert_eq!(steps[0].1, Some(Departure::Expired));
    assert!(queue.is_empty() && queue.due().is_none());
}

#[test]
fn a_change_undone_leaves_no_trace() {
    let mut queue = Queue::default();
    queue.push(item(1, 100));
    let mut changes = vec![queue.push(item(2, 100))];
    changes.extend(queue.lock(1, until(1, 60)));
    let steps = queue.settle(at(0), Uuid::from_u128(1), None, Outcome::Complete);
    changes.extend(steps.into_iter().map(|(change, _)| change));
    for change in changes.into_iter().rev() {
        queue.apply(change.undone());
    }
    let left: Vec<Queued<&str>> = queue.available().cloned().collect();
    assert!(left == [item(1, 100)]);
}
