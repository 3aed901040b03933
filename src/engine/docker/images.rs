//! Images that are there, and such as are pulled.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::models::{CreateImageInfo, ProgressDetail};
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ListImagesOptions, RemoveImageOptions, TagImageOptionsBuilder,
};
use futures_util::StreamExt;

use super::DockerEngine;
use super::convert::sorted;
use crate::error::{Error, Kind, Result};
use crate::model::credentials::Credentials;
use crate::model::image::{Image, ImageRef};
use crate::model::memory::human;

/// How long a registry may take until it says the first thing.
const FIRST_WORD: Duration = Duration::from_secs(10);

/// How long a download may stand still.
const STANDSTILL: Duration = Duration::from_secs(60);

/// How long the engine may be silent once it has a layer: it unpacks it, and writes to the disk.
const UNPACKING: Duration = Duration::from_secs(600);

impl DockerEngine {
    pub(super) fn inspect_image(&self, reference: &str) -> Result<Option<Image>> {
        let what = format!("cannot inspect the image {reference}");
        match self.short(&what, self.client()?.inspect_image(reference)) {
            Ok(image) => Ok(Some(Image {
                id: image.id.unwrap_or_default(),
                size: image.size.and_then(|s| u64::try_from(s).ok()).unwrap_or(0),
                names: image.repo_tags.unwrap_or_default(),
                digests: image.repo_digests.unwrap_or_default(),
                labels: sorted(image.config.and_then(|config| config.labels)),
            })),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn list_images(&self) -> Result<Vec<Image>> {
        let call = self.client()?.list_images(None::<ListImagesOptions>);
        let listed = self.short("cannot list the images", call)?;
        // The engine says `<none>` where there is no name.
        let named = |names: Vec<String>| names.into_iter().filter(|n| !n.contains('<')).collect();
        Ok(listed
            .into_iter()
            .map(|image| Image {
                id: image.id,
                size: u64::try_from(image.size).unwrap_or(0),
                names: named(image.repo_tags),
                digests: named(image.repo_digests),
                labels: image.labels.into_iter().collect(),
            })
            .collect())
    }

    pub(super) fn pull_image(
        &self,
        image: &ImageRef,
        credentials: Option<&Credentials>,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()> {
        let what = format!("cannot pull the image {image}");
        let options = CreateImageOptionsBuilder::new()
            .from_image(&image.with_tag())
            .build();
        let login = credentials.map(to_login);
        let mut stream = self.client()?.create_image(Some(options), None, login);
        let given_up = self.work(None, &what, async {
            let mut layers = Layers::default();
            let mut limit = FIRST_WORD;
            loop {
                match tokio::time::timeout(limit, stream.next()).await {
                    Err(_) => return Ok(Some(limit)),
                    Ok(None) => return Ok(None),
                    Ok(Some(piece)) => limit = layers.take(&piece?, progress),
                }
            }
        });
        match given_up {
            Ok(None) => Ok(()),
            Ok(Some(limit)) if limit == FIRST_WORD => Err(Error::failed(what).why(format!(
                "the registry did not answer within {} s",
                limit.as_secs()
            ))),
            Ok(Some(limit)) => Err(Error::failed(what)
                .why(format!("nothing came for {} s", limit.as_secs()))
                .next("what came so far is kept; pull it again")),
            // A registry's 404 is no missing thing of the operator's.
            Err(error) if error.kind == Kind::NotFound => {
                Err(Error::failed(what).why(error.why.unwrap_or_default()))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn tag_image(&self, image: &ImageRef, name: &ImageRef) -> Result<()> {
        let what = format!("cannot give the image {image} the name {name}");
        let options = TagImageOptionsBuilder::new()
            .repo(name.repository())
            .tag(name.tag())
            .build();
        let call = self.client()?.tag_image(image.as_str(), Some(options));
        self.short(&what, call)
    }

    pub(super) fn untag_image(&self, name: &ImageRef) -> Result<()> {
        let what = format!("cannot take the name {name} away");
        let call = self
            .client()?
            .remove_image(name.as_str(), None::<RemoveImageOptions>, None);
        match self.short(&what, call) {
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }
}

/// A login as the API wants it.
pub(super) fn to_login(credentials: &Credentials) -> DockerCredentials {
    let (username, password) = match &credentials.login {
        Some((name, password)) => (Some(name.clone()), Some(password.reveal().to_owned())),
        None => (None, None),
    };
    DockerCredentials {
        username,
        password,
        serveraddress: Some(credentials.server.clone()),
        identitytoken: credentials
            .identity_token
            .as_ref()
            .map(|token| token.reveal().to_owned()),
        ..Default::default()
    }
}

/// How far the layers of an image are.
#[derive(Default)]
struct Layers(BTreeMap<String, (i64, i64)>);

impl Layers {
    /// Takes an event, tells it, and says how long the next one may take.
    fn take(&mut self, event: &CreateImageInfo, tell: &mut (dyn FnMut(&str) + Send)) -> Duration {
        let status = event.status.as_deref().unwrap_or_default();
        if let (
            "Downloading",
            Some(id),
            Some(ProgressDetail {
                current: Some(current),
                total: Some(total),
            }),
        ) = (status, &event.id, &event.progress_detail)
        {
            self.0.insert(id.clone(), (*current, *total));
            let sum = |part: fn(&(i64, i64)) -> i64| {
                human(u64::try_from(self.0.values().map(part).sum::<i64>()).unwrap_or(0))
            };
            tell(&format!("downloaded {} of {}", sum(|l| l.0), sum(|l| l.1)));
            return STANDSTILL;
        }
        if let (true, Some(id)) = (status.starts_with("Download complete"), &event.id)
            && let Some((current, total)) = self.0.get_mut(id)
        {
            *current = *total;
        }
        match status {
            "Extracting" | "Verifying Checksum" | "Download complete" | "Pull complete" => {
                tell("unpacking");
                UNPACKING
            }
            _ => STANDSTILL,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_downloads_are_summed_up() {
        let event = |id: &str, status: &str, current| CreateImageInfo {
            id: Some(id.to_owned()),
            status: Some(status.to_owned()),
            progress_detail: Some(ProgressDetail {
                current: Some(current),
                total: Some(10 << 20),
            }),
            ..Default::default()
        };
        let mut told = Vec::new();
        let mut tell = |text: &str| told.push(text.to_owned());
        let mut layers = Layers::default();
        let waits = [
            layers.take(&event("a", "Downloading", 1 << 20), &mut tell),
            layers.take(&event("b", "Downloading", 2 << 20), &mut tell),
            layers.take(&event("a", "Extracting", 1), &mut tell),
        ];
        assert_eq!(waits, [STANDSTILL, STANDSTILL, UNPACKING]);
        assert!(told[1].contains("3") && told[1].contains("20"), "{told:?}");
        assert_eq!(told[2], "unpacking");
    }
}
