//! Networks.

use bollard::models::{
    EndpointSettings, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
};
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
                internal: n.internal == Some(true),
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
            internal: Some(network.internal),
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

    pub(super) fn join_network(
        &self,
        network: &str,
        container: &str,
        aliases: &[String],
    ) -> Result<()> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(EndpointSettings {
                aliases: Some(aliases.to_vec()),
                ..Default::default()
            }),
        };
        let what = format!("cannot let {container} into the network {network}");
        let call = self.client()?.connect_network(network, request);
        fine_if_said(self.short(&what, call), "already exists in network")
    }

    pub(super) fn leave_network(&self, network: &str, container: &str) -> Result<()> {
        let request = NetworkDisconnectRequest {
            container: container.to_owned(),
            force: Some(true),
        };
        let what = format!("cannot take {container} out of the network {network}");
        let call = self.client()?.disconnect_network(network, request);
        let left = fine_if_said(self.short(&what, call), "is not connected to");
        fine_if_missing(left)
    }
}

/// The engine has no code of its own for what is as it should be already.
fn fine_if_said(answer: Result<()>, words: &str) -> Result<()> {
    match answer {
        Err(error) if error.why.as_ref().is_some_and(|why| why.contains(words)) => Ok(()),
        other => other,
    }
}
