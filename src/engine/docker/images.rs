//! Images.

use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;

use super::DockerEngine;
use crate::error::{Error, Kind, Result};
use crate::model::image::Image;

impl DockerEngine {
    pub(super) fn inspect_image(&self, reference: &str) -> Result<Option<Image>> {
        let what = format!("cannot inspect the image {reference}");
        match self.short(&what, self.client()?.inspect_image(reference)) {
            Ok(image) => Ok(Some(Image {
                id: image.id.unwrap_or_default(),
                size: image.size.and_then(|s| u64::try_from(s).ok()).unwrap_or(0),
            })),
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn pull_image(
        &self,
        reference: &str,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<()> {
        let what = format!("cannot pull the image {reference}");
        let options = CreateImageOptionsBuilder::new()
            .from_image(reference)
            .build();
        let mut stream = self.client()?.create_image(Some(options), None, None);
        self.work(None, &what, async {
            while let Some(piece) = stream.next().await {
                if let Some(status) = piece?.status {
                    progress(&status);
                }
            }
            Ok(())
        })
        // A registry's 404 is no missing thing of the operator's.
        .map_err(|error| match error.kind {
            Kind::NotFound => Error::failed(what.clone()).why(error.why.unwrap_or_default()),
            _ => error,
        })
    }
}
