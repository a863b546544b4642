//! What happened to an approval, as far as its record tells. Page and API say it in words of their own.

use jiff::Timestamp;

use super::{Approval, State};
use crate::domain::act::Act;
use crate::domain::decision::Vote;

/// Something that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Happened<'a> {
    /// The call was parked.
    Parked,
    /// The last attempt left.
    Left,
    /// Somebody voted, and it counts.
    Voted(&'a Vote),
    /// Somebody voted, and reviewers were asked again since.
    VotedInVain(&'a Vote),
    /// Somebody did something else.
    Acted(&'a Act),
    /// It came to this state.
    CameTo(State),
}

impl Approval {
    /// What happened, the earliest first.
    pub fn timeline(&self) -> Vec<(Timestamp, Happened<'_>)> {
        let mut happened = vec![(self.created_at, Happened::Parked)];
        happened.extend(self.left_at.map(|at| (at, Happened::Left)));
        let (void, standing) = self.votes.split_at(self.votes.len() - self.standing_votes().len());
        happened.extend(void.iter().map(|vote| (vote.at, Happened::VotedInVain(vote))));
        happened.extend(standing.iter().map(|vote| (vote.at, Happened::Voted(vote))));
        happened.extend(self.acts.iter().map(|act| (act.at, Happened::Acted(act))));
        let came_to = match self.state {
            State::Approved { at, .. } => Some(at),
            state => state.settled_at(),
        };
        happened.extend(came_to.map(|at| (at, Happened::CameTo(self.state))));
        // Of the same moment, what was done stands before what came of it.
        happened.sort_by_key(|(at, _)| *at);
        happened
    }
}
