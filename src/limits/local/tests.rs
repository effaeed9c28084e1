use uuid::Uuid;

use super::*;
use crate::limits::Policy;

fn bucket(number: u128, whom: LimitScope, requests: u32) -> Bucket {
    let whose = match whom {
        LimitScope::Network => Counted::network(number),
        _ => Counted::session(Uuid::from_u128(number)),
    };
    Bucket { whose, policy: Policy::a_minute(whom, requests) }
}

fn admitted(local: &Local, buckets: &[Bucket]) -> usize {
    (0..100).take_while(|_| local.admit(buckets).admitted).count()
}

#[test]
fn alone_an_instance_has_its_part_and_remembers_what_redis_admitted() {
    let local = Local::new(2);
    let buckets = [bucket(1, LimitScope::Tenant, 10)];
    for _ in 0..3 {
        local.charge(&buckets, 1, true);
    }
    assert_eq!(admitted(&local, &buckets), 2, "five are its part, of which three are gone");
    for _ in 0..100 {
        local.charge(&buckets, 1, true);
    }
    let wait = local.admit(&buckets).standings[0].wait;
    assert!(wait <= Duration::from_secs(12), "no longer than until one comes free");
}

#[test]
fn a_request_that_one_policy_refuses_is_counted_by_none() {
    let local = Local::new(1);
    let (tenant, mine, other) =
        (bucket(1, LimitScope::Tenant, 10), bucket(2, LimitScope::Principal, 3), bucket(3, LimitScope::Principal, 100));
    assert_eq!(admitted(&local, &[tenant, mine]), 3);
    assert_eq!(admitted(&local, &[tenant, other]), 7, "what was refused took nothing from the tenant");
}

#[test]
fn more_strangers_than_there_is_room_for_count_as_one_and_take_nothing_from_those_who_are_known() {
    let local = Local { kept: 10, ..Local::new(1) };
    let stranger = |n: u128| [bucket(n, LimitScope::Network, 2)];
    for n in 1..=10 {
        assert!(local.admit(&stranger(n)).admitted, "{n}");
    }
    let late = (11..1_000).filter(|&n| local.admit(&stranger(n)).admitted).count();
    assert_eq!(late, 2, "all who came late have one counter");
    assert!(local.admit(&stranger(1)).admitted, "whoever was there before has one of their own");
    assert!(local.admit(&[bucket(1, LimitScope::Tenant, 1)]).admitted);
}

/// Redis answers what it was asked, of buckets that are as good as full.
fn answered(local: &Local, buckets: &[Bucket], asked: &[Asked]) -> Decision {
    let said = asked.iter().map(|asked| {
        let given = asked.wanted;
        Said { now: 0, due: (1 + given) * asked.bucket.policy.interval(), given }
    });
    local.told(buckets, asked, local.now(), &Verdict { admitted: true, said: said.collect() }).0
}

#[test]
fn whoever_is_seen_again_has_some_in_advance_and_a_policy_that_changes_takes_it_from_them() {
    let local = Local::new(1);
    let buckets = [bucket(1, LimitScope::Tenant, 6_000), bucket(2, LimitScope::Principal, 1_200)];
    let Step::Ask(asked) = local.step(&buckets) else { panic!("nothing is known of them") };
    assert_eq!(asked.iter().map(|asked| (asked.cost, asked.wanted)).collect::<Vec<_>>(), [(1, 0), (1, 0)]);
    answered(&local, &buckets, &asked);
    let Step::Ask(asked) = local.step(&buckets) else { panic!("nothing was taken for whoever may never come back") };
    assert_eq!(asked.iter().map(|asked| asked.wanted).collect::<Vec<_>>(), [46, 9], "the reserve");
    let Step::Ask(others) = local.step(&buckets) else { panic!("it has not come yet") };
    assert!(others.iter().all(|asked| asked.wanted == 0), "one question at a time asks for more");
    let standings = answered(&local, &buckets, &asked).standings;
    assert_eq!(standings.iter().map(|standing| standing.remaining).collect::<Vec<_>>(), [5_999, 1_199]);
    for left in (0..7).rev() {
        let Step::Known(decision, wake) = local.step(&buckets) else { panic!("there are {left} and two") };
        assert!(decision.admitted);
        assert_eq!(wake, left == 0, "a task asks for more once few are left, and nobody waits for it: {left}");
    }
    let wanted = local.next_to_ask(64).unwrap();
    assert_eq!(wanted.len(), 1, "the tenant has enough");
    assert!(wanted[0].cost == 0 && wanted[0].wanted > 30, "used up so soon it takes more: {wanted:?}");

    let fewer = [Bucket { policy: Policy::a_minute(LimitScope::Tenant, 300), ..buckets[0] }, buckets[1]];
    let Step::Ask(asked) = local.step(&fewer) else { panic!("what was taken goes by what the tenant might before") };
    assert_eq!(asked.len(), 1, "the principal may as many as before");
    local.undo(&fewer, &asked);
    assert!(local.give_up().iter().all(|(bucket, _)| bucket.policy.requests != 6_000), "nothing is held of it");
}

#[test]
fn what_is_refused_takes_nothing_of_what_is_held_and_is_known_for_a_moment() {
    let local = Local::new(1);
    let buckets = [bucket(1, LimitScope::Tenant, 6_000), bucket(2, LimitScope::Principal, 40)];
    for _ in 0..2 {
        let Step::Ask(asked) = local.step(&buckets) else { panic!("not known yet") };
        answered(&local, &buckets, &asked);
    }
    let held = |local: &Local| local.known().lease(&buckets[0]).unwrap().held();
    let before = held(&local);
    let Step::Ask(asked) = local.step(&buckets) else { panic!("of so few none are taken in advance") };
    assert_eq!(asked.len(), 1);
    let policy = buckets[1].policy;
    let none_left = Said { now: 0, due: policy.micros(), given: 0 };
    let refused = Verdict { admitted: false, said: vec![none_left] };
    let (decision, _) = local.told(&buckets, &asked, local.now(), &refused);
    assert_eq!((decision.admitted, decision.standings[1].remaining), (false, 0));
    let Step::Known(decision, false) = local.step(&buckets) else { panic!("it was said a moment ago") };
    assert!(!decision.admitted && decision.standings[1].wait > Duration::from_secs(1));
    assert!(held(&local) <= before, "of worth for a while only");
    assert!(local.known().lease(&buckets[0]).unwrap().left(local.now()) >= 40, "nothing was spent");
}
