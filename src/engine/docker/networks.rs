//! Networks.

use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::ListNetworksOptionsBuilder;

use super::DockerEngine;
use super::containers::{filters, fine_if_missing};
use super::convert::sorted;
use crate::error::{Error, Kind, Result};
use crate::model::container::Network;
use crate::model::label::Selector;

impl DockerEngine {
    pub(super) fn list_networks(&self, selector: &Selector) -> Result<Vec<Network>> {
        let options = ListNetworksOptionsBuilder::new()
            .filters(&filters(selector))
            .build();
        let call = self.client()?.list_networks(Some(options));
        let mut networks: Vec<Network> = self
            .short("cannot list the networks", call)?
            .into_iter()
            .map(|n| Network {
                name: n.name.unwrap_or_default(),
                labels: sorted(n.labels),
            })
            .collect();
        networks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(networks)
    }

    pub(super) fn make_network(&self, network: &Network) -> Result<()> {
        let what = format!("cannot make the network {}", network.name);
        // The engine lets two networks have one name, so it is asked before.
        let inspected = self.short(&what, self.client()?.inspect_network(&network.name, None));
        match inspected {
            Ok(there) if sorted(there.labels.clone()) == network.labels => return Ok(()),
            Ok(_) => return Err(Error::refused(what).why("another network has this name")),
            Err(error) if error.kind == Kind::NotFound => {}
            Err(error) => return Err(error),
        }
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            driver: Some("bridge".to_owned()),
            labels: Some(network.labels.clone().into_iter().collect()),
            ..Default::default()
        };
        self.short(&what, self.client()?.create_network(request))
            .map(drop)
            .map_err(|error| match &error.why {
                Some(why) if why.contains("non-overlapping") => error.next(
                    "the engine has no addresses left: remove networks that nobody uses (docker network prune)",
                ),
                _ => error,
            })
    }

    pub(super) fn delete_network(&self, name: &str) -> Result<()> {
        let what = format!("cannot remove the network {name}");
        fine_if_missing(self.short(&what, self.client()?.remove_network(name)))
    }
}
