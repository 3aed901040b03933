//! How an instance is, as `status` tells it.

use serde::{Deserialize, Serialize};

/// The five conditions of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Its health address answered with the version that was asked for.
    Up,
    /// Its container runs and it has not answered yet.
    Starting,
    /// Its container runs, and its health address does not answer as it should.
    Unhealthy,
    /// No container of it runs.
    Down,
    /// It answers, with another version than was asked for.
    WrongVersion,
}

impl Condition {
    /// The words for an operator.
    pub fn words(self) -> &'static str {
        match self {
            Condition::Up => "up",
            Condition::Starting => "starting",
            Condition::Unhealthy => "up but not healthy",
            Condition::Down => "down",
            Condition::WrongVersion => "wrong version",
        }
    }
}

/// What asking an instance or a service told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The condition.
    pub condition: Condition,
    /// Why, where it is not up.
    pub why: Option<String>,
    /// The version that it says it is.
    pub version: Option<String>,
}

impl Health {
    /// A condition without more to say.
    pub fn just(condition: Condition) -> Self {
        Health {
            condition,
            why: None,
            version: None,
        }
    }

    /// A condition and its reason.
    pub fn because(condition: Condition, why: impl Into<String>) -> Self {
        Health {
            why: Some(why.into()),
            ..Self::just(condition)
        }
    }

    /// Whether it is up.
    pub fn is_up(&self) -> bool {
        self.condition == Condition::Up
    }
}
