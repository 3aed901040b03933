//! The network that content is tried out in: nothing leads beyond this host, and of the cluster only
//! the shared services are in reach.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::host::crash;
use crate::model::container::Network;
use crate::steps::{World, containers};

/// A container that joins the network for the time of the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub container: String,
    /// The names that it answers to there.
    pub aliases: Vec<String>,
}

/// Makes the network, and lets the services in.
pub fn open(world: &World<'_>, network: &Network, members: &[Member]) -> Result<()> {
    world.engine.create_network(network)?;
    for member in members {
        crash::point("before a service joins a proof");
        world
            .engine
            .connect(&network.name, &member.container, &member.aliases)?;
    }
    Ok(())
}

/// Lets the services go, and removes the network.
pub fn close(world: &World<'_>, network: &Network, members: &[Member]) -> Result<()> {
    for member in members {
        world.engine.disconnect(&network.name, &member.container)?;
        crash::point("after a service left a proof");
    }
    containers::remove_network(world, &network.name)
}
