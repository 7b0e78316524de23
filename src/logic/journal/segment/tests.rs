use super::*;
use crate::logic::journal::samples;
use proptest::prelude::*;

/// A segment of three synced batches: records 5, 6 | 7, 8 | 9; and where each frame begins.
fn written() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header(5).to_vec();
    let mut starts = Vec::new();
    for (position, batch_index) in [(5, 0), (6, 1), (7, 0), (8, 1), (9, 0)] {
        starts.push(bytes.len());
        frame::encode(
            &mut bytes,
            position,
            batch_index,
            &samples::delivered(position as u128),
        );
    }
    (bytes, starts)
}

fn read(bytes: &[u8]) -> (Vec<Position>, SegmentEnd) {
    read_with(SegmentReader::new(bytes, 5, Density::Dense))
}

fn read_with(mut reader: SegmentReader<&[u8]>) -> (Vec<Position>, SegmentEnd) {
    let mut positions = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        positions.push(frame.position);
    }
    (positions, reader.ending().unwrap())
}

#[test]
fn a_whole_segment_ends_clean() {
    let (bytes, _) = written();
    assert_eq!(read(&bytes), (vec![5, 6, 7, 8, 9], SegmentEnd::Clean));
    assert_eq!(read(&header(5)), (vec![], SegmentEnd::Clean));
}

#[test]
fn space_reserved_ahead_is_told_from_a_torn_record() {
    let (mut bytes, starts) = written();
    let end = bytes.len();
    bytes.resize(end + 10_000, 0);
    let unused = SegmentEnd::Unfinished {
        offset: end as u64,
        bytes: 10_000,
        zeroes: true,
        flaw: Flaw::Zeroes,
    };
    assert_eq!(read(&bytes), (vec![5, 6, 7, 8, 9], unused));
    let torn = SegmentEnd::Unfinished {
        offset: starts[4] as u64,
        bytes: 40,
        zeroes: false,
        flaw: Flaw::CutOff,
    };
    assert_eq!(read(&bytes[..starts[4] + 40]), (vec![5, 6, 7, 8], torn));
}

#[test]
fn a_bad_record_before_a_later_batch_is_damage() {
    let (mut bytes, starts) = written();
    bytes[starts[3] + 30] ^= 1;
    let damaged = SegmentEnd::Damaged {
        offset: starts[3] as u64,
        flaw: Flaw::Checksum,
    };
    assert_eq!(read(&bytes), (vec![5, 6, 7], damaged));
}

#[test]
fn a_bad_record_before_one_of_its_own_batch_was_never_acknowledged() {
    let (mut bytes, starts) = written();
    bytes[starts[2] + 30] ^= 1;
    let (positions, ending) = read(&bytes[..starts[4]]);
    assert_eq!(positions, [5, 6]);
    assert!(matches!(
        ending,
        SegmentEnd::Unfinished { zeroes: false, .. }
    ));
}

#[test]
fn a_hole_of_zeroes_before_a_later_batch_is_damage() {
    let (mut bytes, starts) = written();
    bytes[starts[1]..starts[2]].fill(0);
    let damaged = SegmentEnd::Damaged {
        offset: starts[1] as u64,
        flaw: Flaw::Zeroes,
    };
    assert_eq!(read(&bytes), (vec![5], damaged));
}

#[test]
fn a_torn_header_is_damage_only_before_records() {
    let (mut bytes, _) = written();
    bytes[9] ^= 1;
    let (positions, ending) = read(&bytes);
    assert!(positions.is_empty());
    assert!(matches!(ending, SegmentEnd::Damaged { offset: 0, .. }));
    for alone in [&bytes[..24], &bytes[..7], &[], &[0; 5000]] {
        let (_, ending) = read(alone);
        assert!(matches!(ending, SegmentEnd::Unfinished { offset: 0, .. }));
    }
}

#[test]
fn a_record_of_another_place_is_not_taken() {
    let mut bytes = header(5).to_vec();
    frame::encode(&mut bytes, 4, 0, &samples::delivered(4));
    let stale = Flaw::Position {
        found: 4,
        expected: 5,
    };
    let (_, ending) = read(&bytes);
    assert!(matches!(ending, SegmentEnd::Unfinished { flaw, .. } if flaw == stale));
}

#[test]
fn compacted_segments_may_have_gaps_in_positions() {
    let mut bytes = header(1).to_vec();
    for position in [3, 9] {
        frame::encode(&mut bytes, position, 0, &samples::delivered(1));
    }
    let mut reader = SegmentReader::new(&bytes[..], 1, Density::Sparse);
    assert_eq!(reader.next_frame().unwrap().unwrap().position, 3);
    assert_eq!(reader.next_frame().unwrap().unwrap().position, 9);
    assert_eq!(reader.ending().unwrap(), SegmentEnd::Clean);
}

#[test]
fn reading_goes_on_behind_damage() {
    let (mut bytes, starts) = written();
    bytes[starts[1]] ^= 1;
    bytes[starts[2] + 9] ^= 1;
    let mut reader = SegmentReader::new(&bytes[..], 5, Density::Dense);
    assert_eq!(reader.next_frame().unwrap().unwrap().position, 5);
    assert!(reader.next_frame().unwrap().is_none());
    let gap = reader.skip_damage().unwrap().unwrap();
    assert_eq!(gap.offset, starts[1] as u64);
    assert_eq!(gap.bytes, (starts[3] - starts[1]) as u64);
    assert_eq!(reader.next_frame().unwrap().unwrap().position, 8);
    assert_eq!(reader.next_frame().unwrap().unwrap().position, 9);
    assert!(reader.next_frame().unwrap().is_none());
    assert_eq!(reader.skip_damage().unwrap(), None);
}

/// A record alone, a unit of three, a unit of two and another record, all of one sync but the
/// last; and where each frame begins.
fn units() -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header(5).to_vec();
    let mut starts = Vec::new();
    for (position, batch_index, is_joined) in [
        (5, 0, false),
        (6, 1, true),
        (7, 2, true),
        (8, 3, false),
        (9, 4, true),
        (10, 5, false),
        (11, 0, false),
    ] {
        starts.push(bytes.len());
        let fact = samples::delivered(position as u128);
        let encode = match is_joined {
            true => frame::encode_joined,
            false => frame::encode,
        };
        encode(&mut bytes, position, batch_index, &fact);
    }
    (bytes, starts)
}

fn read_by_units(bytes: &[u8]) -> (Vec<Position>, SegmentEnd) {
    read_with(SegmentReader::new(bytes, 5, Density::Dense).by_units())
}

#[test]
fn a_unit_cut_at_any_byte_is_gone_from_its_start() {
    let (bytes, starts) = units();
    assert_eq!(
        read_by_units(&bytes),
        ((5..=11).collect(), SegmentEnd::Clean)
    );
    // Where something ends that may be the last thing, and with which record.
    let ends = [
        (HEADER_BYTES, 4),
        (starts[1], 5),
        (starts[4], 8),
        (starts[6], 10),
        (bytes.len(), 11),
    ];
    for cut in HEADER_BYTES..bytes.len() {
        let good = ends.iter().rfind(|(end, _)| *end <= cut).unwrap();
        let (positions, ending) = read_by_units(&bytes[..cut]);
        assert_eq!(positions, (5..=good.1).collect::<Vec<_>>(), "{cut}");
        match ending {
            SegmentEnd::Clean => assert_eq!(cut, good.0),
            SegmentEnd::Unfinished { offset, bytes, .. } => {
                assert_eq!((offset, offset + bytes), (good.0 as u64, cut as u64));
            }
            SegmentEnd::Damaged { .. } => panic!("{cut}: {ending:?}"),
        }
    }
}

#[test]
fn a_hole_in_a_unit_takes_it_whole_and_is_damage_only_before_a_later_sync() {
    let (bytes, starts) = units();
    for hole in [starts[2]..starts[3], starts[3] + 40..starts[3] + 41] {
        let mut torn = bytes.clone();
        torn[hole].fill(0);
        let (positions, ending) = read_by_units(&torn[..starts[6]]);
        assert_eq!(positions, [5]);
        let offset = starts[1] as u64;
        assert!(matches!(ending, SegmentEnd::Unfinished { offset: at, .. } if at == offset));
        let (positions, ending) = read_by_units(&torn);
        assert_eq!(positions, [5]);
        assert!(matches!(ending, SegmentEnd::Damaged { offset: at, .. } if at == offset));
        // Who rescues takes what there is.
        assert!(read(&torn).0.starts_with(&[5, 6]));
    }
}

#[test]
fn units_mean_nothing_in_compacted_segments() {
    let mut bytes = header(1).to_vec();
    frame::encode_joined(&mut bytes, 3, 0, &samples::delivered(1));
    frame::encode_joined(&mut bytes, 9, 0, &samples::delivered(1));
    let mut reader = SegmentReader::new(&bytes[..], 1, Density::Sparse).by_units();
    for position in [3, 9] {
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!((frame.position, frame.is_joined), (position, false));
    }
    assert_eq!(reader.ending().unwrap(), SegmentEnd::Clean);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let mut segment = header(5).to_vec();
        segment.extend(&bytes);
        let (positions, _) = read(&segment);
        prop_assert_eq!(positions, Vec::<Position>::new());
        read(&bytes);
    }

    #[test]
    fn a_cut_segment_keeps_exactly_its_whole_records(cut in HEADER_BYTES..written().0.len()) {
        let (bytes, starts) = written();
        let (positions, ending) = read(&bytes[..cut]);
        let whole = starts[1..].iter().filter(|start| **start <= cut).count();
        prop_assert_eq!(positions.len(), whole);
        prop_assert_eq!(ending == SegmentEnd::Clean, starts.contains(&cut));
    }
}
