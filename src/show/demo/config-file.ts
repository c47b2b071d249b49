import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'

export interface DemoPlaces {
  /** The demo's own folder. */
  folder: string
  heatmaps: string
  /** The daemon's log. */
  log: string
  config: string
}

/** Where the page is served, and what is asked for at its login. */
export interface DemoPage {
  port: number
  tokens: { ward: string; technician: string }
}

/** @param folder a new folder, which holds everything that the demo writes */
export function placesIn(folder: string): DemoPlaces {
  return {
    folder,
    heatmaps: join(folder, 'heatmaps'),
    log: join(folder, 'painlens.log'),
    config: join(folder, 'painlens.yaml')
  }
}

/** The config of a demo: as an installer would write it, with the features that are off by default and that a demo shows. */
export async function writeDemoConfig(
  places: DemoPlaces,
  urls: { camera: string; broker: string },
  page: DemoPage
): Promise<void> {
  const config = {
    device: 'demo',
    facility: 'Demonstration',
    mqtt: { url: urls.broker },
    cameras: [
      {
        id: 'bed-a',
        url: urls.camera,
        location: { ward: '2', room: '12', bed: 'A' },
        zones: [
          {
            name: 'pillow',
            polygon: [
              [0.2, 0],
              [0.8, 0],
              [0.8, 1],
              [0.2, 1]
            ]
          }
        ]
      }
    ],
    privacy: { publish_emotions: true, publish_heatmap: true, show_pictures: true, save_heatmaps_to: places.heatmaps },
    page: { enabled: true, ...page, path: join(places.folder, 'page') },
    outbox: { path: join(places.folder, 'outbox') },
    alarm_log: { path: join(places.folder, 'alarms') }
  }
  await writeFile(places.config, `# Written by painlens demo.\n${stringify(config)}`)
}
