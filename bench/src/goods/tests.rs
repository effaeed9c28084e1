use std::collections::{BTreeMap, BTreeSet};

use super::{Catalogue, Filling, Kind, Queries, Random, Sentences, Slot, one_of};

#[test]
fn a_product_is_the_same_whenever_it_is_made_and_another_in_another_shop() {
    let (one, other) = (Catalogue::new().unwrap(), Catalogue::new().unwrap());
    let told = |catalogue: &Catalogue, seed| format!("{:?}", catalogue.product(seed, 4711));
    assert_eq!(told(&one, 1), told(&other, 1));
    assert_ne!(told(&one, 1), told(&one, 2));
}

#[test]
fn nothing_the_api_refuses_is_made_and_no_sku_comes_twice() {
    let catalogue = Catalogue::new().unwrap();
    let mut skus = BTreeSet::new();
    for number in 0..20_000 {
        let product = catalogue.product(3, number);
        assert!((4..=200).contains(&product.name.chars().count()), "{product:?}");
        assert!((20..=2000).contains(&product.description.len()), "{product:?}");
        assert!(!product.name.contains(['{', '}']) && !product.description.contains(['{', '}']), "{product:?}");
        assert!(product.tags.iter().all(|tag| (1..=50).contains(&tag.len())), "{product:?}");
        assert!(product.tags.is_sorted() && (2..=5).contains(&product.tags.len()), "{product:?}");
        assert!(product.price_minor > 0 && product.stock >= 0, "{product:?}");
        assert!(skus.insert(product.sku.clone()), "{product:?}");
    }
}

#[test]
fn there_is_something_to_say_of_a_product_with_nothing_special() {
    let sentences = Sentences::read().unwrap();
    let mut filling = Filling::new(false);
    filling.fill([Slot::Noun, Slot::Brand, Slot::Material, Slot::Use, Slot::Feature].map(|slot| (slot, Some("lamp"))));
    let kinds = [&sentences.names, &sentences.opening, &sentences.made_of, &sentences.feature, &sentences.care];
    for kind in kinds {
        // Of many products some are unlucky fifty times.
        for number in 0..20_000 {
            assert!(one_of(&mut Random::new(0, number), kind, &mut filling).is_some());
        }
    }
}

#[test]
fn what_a_product_is_stands_in_its_texts() {
    let catalogue = Catalogue::new().unwrap();
    for number in 0..5000 {
        let product = catalogue.product(1, number);
        let texts = format!("{} {} {}", product.name, product.description, product.tags.join(" ")).to_lowercase();
        let traits = &product.traits;
        let one = [&traits.brand, &traits.series, &traits.material, &traits.colour, &traits.quality, &traits.size];
        for told in one.into_iter().flatten().chain([&traits.noun]).chain(&traits.features) {
            assert!(texts.contains(&told.to_lowercase()), "{told}: {product:?}");
        }
    }
}

#[test]
fn names_are_as_different_as_a_shops() {
    let catalogue = Catalogue::new().unwrap();
    let names: BTreeSet<String> = (0..20_000).map(|number| catalogue.product(1, number).name).collect();
    assert!(names.len() > 19_500, "{} different names of 20,000", names.len());
}

#[test]
fn every_query_means_something_that_is_there_and_leaves_most_out() {
    let catalogue = Catalogue::new().unwrap();
    let queries = Queries::read().unwrap();
    let shop = queries.shop(&catalogue);
    for query in &queries.query {
        let right = shop.iter().filter(|product| query.is_right(product)).count();
        assert!((1..=40).contains(&right), "{right} products are right for {}", query.q);
    }
}

#[test]
fn queries_of_every_kind_are_there_and_typing_errors_of_every_kind() {
    let queries = Queries::read().unwrap();
    let (mut kinds, mut edits) = (BTreeMap::new(), BTreeMap::new());
    for query in &queries.query {
        *kinds.entry(query.kind).or_insert(0) += 1;
        assert_eq!(query.kind == Kind::Typo, query.edit.is_some(), "{}", query.q);
        if let Some(edit) = query.edit {
            *edits.entry(edit).or_insert(0) += 1;
        }
    }
    assert!(queries.query.len() >= 60 && kinds[&Kind::Typo] >= 25, "{kinds:?}");
    assert_eq!((kinds.len(), edits.len()), (10, 4), "{kinds:?} {edits:?}");
    assert!(kinds.values().chain(edits.values()).all(|count| *count >= 5), "{kinds:?} {edits:?}");
}
