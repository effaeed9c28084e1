//! Who gets a connection, and when.
use proptest::prelude::*;

use uuid::Uuid;

use super::*;

fn tenant(n: u128) -> Share {
    Share::Tenant(TenantId::assume_verified(Uuid::from_u128(n + 1)))
}

/// Lets so much time pass.
fn pass(queue: &Queue, time: Duration) {
    queue.places().ahead += time;
}

const SOON: Duration = Duration::from_millis(20);

#[tokio::test]
async fn one_tenant_has_its_share_and_another_finds_a_place_at_once() {
    let queue = Queue::new(4, 2);
    let _held = [queue.place(tenant(1), SOON).await.unwrap(), queue.place(tenant(1), SOON).await.unwrap()];
    assert_eq!(queue.place(tenant(1), SOON).await.unwrap_err(), Error::ShareExhausted);
    let _others =
        [queue.place(tenant(2), Duration::ZERO).await.unwrap(), queue.place(tenant(3), Duration::ZERO).await.unwrap()];
    assert_eq!(queue.place(tenant(4), SOON).await.unwrap_err(), Error::PoolExhausted);
}

#[tokio::test]
async fn whoever_waits_behind_a_crowd_of_another_tenant_is_next() {
    let queue = Queue::new(2, 2);
    let held = [queue.place(tenant(1), SOON).await.unwrap(), queue.place(tenant(1), SOON).await.unwrap()];
    let waits = |share: Share| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.place(share, Duration::from_secs(5)).await })
    };
    let crowd: Vec<_> = (0..100).map(|_| waits(tenant(1))).collect();
    let late = waits(tenant(2));
    while queue.places().turns.len() < 2 || queue.places().shares[&tenant(1)].waiting.len() < 100 {
        tokio::task::yield_now().await;
    }
    drop(held);
    let one_after_the_other = async {
        for waiting in crowd {
            drop(waiting.await.unwrap().unwrap());
        }
    };
    tokio::select! {
        biased;
        place = late => drop(place.unwrap().unwrap()),
        () = one_after_the_other => panic!("the late one waited for all"),
    }
}

#[tokio::test]
async fn whoever_gives_up_takes_nothing_and_no_more_wait_than_there_is_room_for() {
    let queue = Queue::new(1, 1);
    let held = queue.place(tenant(1), SOON).await.unwrap();
    let waiting: Vec<_> = (0..WAITING)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.place(tenant(1), Duration::from_secs(5)).await })
        })
        .collect();
    while queue.places().shares[&tenant(1)].waiting.len() < WAITING {
        tokio::task::yield_now().await;
    }
    assert_eq!(queue.place(tenant(1), Duration::from_secs(5)).await.unwrap_err(), Error::ShareExhausted);
    for one in waiting {
        one.abort();
        let _ = one.await;
    }
    drop(held);
    drop(queue.place(tenant(1), Duration::ZERO).await.unwrap());
    let places = queue.places();
    assert_eq!((places.free, places.holders.len(), places.turns.len()), (1, 0, 0), "nothing is left behind");
}

/// Two are about, and one has had more than its part for a while.
async fn beside_a_greedy_one(queue: &Queue) -> (Share, Vec<Place>) {
    let greedy = tenant(1);
    drop(queue.place(tenant(9), Duration::ZERO).await.unwrap());
    let held: Vec<_> =
        futures_util::future::try_join_all((0..4).map(|_| queue.place(greedy, Duration::ZERO))).await.unwrap();
    pass(queue, Duration::from_secs(1));
    (greedy, held)
}

#[tokio::test]
async fn whoever_had_much_lately_has_one_at_a_time_while_others_are_about() {
    let queue = Queue::new(8, 4);
    let (greedy, mut held) = beside_a_greedy_one(&queue).await;
    held.truncate(1);
    assert_eq!(queue.place(greedy, SOON).await.unwrap_err(), Error::ShareExhausted, "one is its part");
    // Another one, who is greedy as well, has one beside it, and together they have no more.
    let second = tenant(2);
    let theirs = queue.place(second, Duration::ZERO).await.unwrap();
    pass(&queue, Duration::from_secs(2));
    let third = queue.place(tenant(3), Duration::ZERO).await.unwrap();
    pass(&queue, Duration::from_secs(2));
    drop(third);
    assert_eq!(queue.place(tenant(3), SOON).await.unwrap_err(), Error::ShareExhausted, "two are greedy already");
    drop(theirs);
    drop(queue.place(tenant(3), Duration::ZERO).await.unwrap());
    // What was long ago is forgotten.
    drop(held);
    pass(&queue, Duration::from_secs(10));
    let again = futures_util::future::try_join_all((0..4).map(|_| queue.place(greedy, Duration::ZERO))).await;
    assert_eq!(again.unwrap().len(), 4);
}

#[tokio::test]
async fn whoever_is_alone_has_their_whole_share_however_long() {
    let queue = Queue::new(8, 4);
    let (greedy, mut held) = beside_a_greedy_one(&queue).await;
    held.truncate(1);
    assert_eq!(queue.place(greedy, SOON).await.unwrap_err(), Error::ShareExhausted);
    pass(&queue, Duration::from_mins(1));
    let more = futures_util::future::try_join_all((0..3).map(|_| queue.place(greedy, Duration::ZERO))).await;
    assert_eq!(more.unwrap().len(), 3);
}

#[tokio::test]
async fn the_next_place_is_for_whoever_had_least_lately() {
    let queue = Queue::new(2, 2);
    let waits = |share: Share| {
        let queue = queue.clone();
        tokio::spawn(async move { queue.place(share, Duration::from_mins(1)).await.map(|place| (place.share, place)) })
    };
    let (one, two) = (tenant(1), tenant(2));
    let held = (queue.place(one, SOON).await.unwrap(), queue.place(two, SOON).await.unwrap());
    pass(&queue, Duration::from_millis(200));
    let mut waiting = Vec::new();
    // In the order of what they have had.
    for share in [one, two, tenant(3)] {
        waiting.push(waits(share));
        while queue.places().turns.len() < waiting.len() {
            tokio::task::yield_now().await;
        }
    }
    drop(held.0);
    let first = waiting.pop().unwrap().await.unwrap().unwrap();
    assert_eq!(first.0, tenant(3), "who has had nothing, though they came last");
    drop((first, held.1));
}

#[tokio::test]
async fn the_last_place_is_for_whoever_has_none() {
    let queue = Queue::new(4, 3);
    let _held = [queue.place(tenant(1), SOON).await.unwrap(), queue.place(tenant(1), SOON).await.unwrap()];
    let _one = queue.place(tenant(2), SOON).await.unwrap();
    assert_eq!(queue.place(tenant(2), SOON).await.unwrap_err(), Error::PoolExhausted);
    queue.place(tenant(3), Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn who_has_had_nothing_lately_is_forgotten() {
    let queue = Queue::new(4, 2);
    for n in 0..10_000 {
        drop(queue.place(tenant(n), Duration::ZERO).await.unwrap());
        pass(&queue, Duration::from_millis(1));
    }
    assert!(queue.places().shares.len() <= SWEEP, "{}", queue.places().shares.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_comes_and_goes_no_place_is_lost_given_twice_or_beyond_a_share(
        pool in 1..10_usize,
        share in 1..10_usize,
        steps in prop::collection::vec((0..4_u128, 0..4_u8), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let queue = Queue::new(pool, share);
            let most = share.min(pool);
            let (mut held, mut waiting) = (Vec::new(), Vec::new());
            for (whose, what) in steps {
                let mut served = false;
                match what {
                    0 if !held.is_empty() => {
                        drop(held.remove(0));
                        served = true;
                    }
                    1 if !waiting.is_empty() => drop::<oneshot::Receiver<Place>>(waiting.remove(0)),
                    2 => pass(&queue, Duration::from_millis(700)),
                    _ => match queue.ask(tenant(whose), Duration::from_mins(1)) {
                        Ok(Asked::Given(place)) => held.push(place),
                        Ok(Asked::Waits(answer)) => waiting.push(answer),
                        Err(error) => panic!("{error}"),
                    },
                }
                waiting.retain_mut(|one| match one.try_recv() {
                    Ok(place) => {
                        held.push(place);
                        false
                    }
                    Err(_) => true,
                });
                let places = queue.places();
                let now = places.now();
                assert_eq!(held.len() + places.free, pool);
                for whose in 0..4 {
                    let of = |share: Share| held.iter().filter(|place| place.share == share).count();
                    assert!(of(tenant(whose)) <= most);
                }
                // Nobody waits who could be served, and somebody who waits is served when all else is given back.
                for (share, line) in &places.shares {
                    let waits = line.waiting.iter().any(|one| !one.give.is_closed());
                    assert!(!waits || !served || places.free == 0 || !places.may_have(*share, now));
                    assert!(!waits || !held.is_empty());
                }
            }
            drop((held, waiting));
            let places = queue.places();
            assert_eq!((places.free, places.holders.len()), (pool, 0));
        });
    }
}
