import { errorArea } from './area.js'

const network = 'Check the cable, the address and the network to the camera; painlens keeps trying.'
const install = 'Install FFmpeg 4.4 or later with RTSP, H.264, H.265 and MJPEG: sudo apt-get install ffmpeg.'
const otherDecoder = 'Set decoder: ffmpeg for this camera to go on without it.'

export const cameraErrors = errorArea({
  title: 'Cameras',
  about:
    "In the log (a camera that is lost), in alarms' texts and in `painlens check`. Each is preceded by the camera's name. `on the CPU, because …`: decoder: auto, and the machine's own decoder failed; FFmpeg decodes in its place, and the code is that of the reason. `PL-DEVICE-…` is of the GPU and of its decoder, behind the device file's name, in `base/health` as well.",
  codes: {
    'PL-ONVIF-LOGIN': {
      cause: 'The device answers to ONVIF with a login only, or this user may not use ONVIF.',
      fix: 'Give a user and its password. Many cameras have users of their own for ONVIF, to be made on their web page.'
    },
    'PL-ONVIF-ADDRESS': {
      cause:
        'The device names a service at another address than the one that it answers from; a password may not go there.',
      fix: 'Look at the network settings of the device, or enter its stream address by hand.'
    },
    'PL-ONVIF-CERTIFICATE': {
      cause:
        'The device speaks ONVIF by https:// only, with a certificate that it has signed itself. Nothing was sent to it: another machine may be in its place.',
      fix: 'Compare the fingerprint with what the web page of the device shows, and search again with it: painlens cameras find --fingerprint, or its field on the page.'
    },
    'PL-ONVIF-ANSWER': {
      cause: 'The device is slow, is no camera, or answers more or otherwise than ONVIF does.',
      fix: 'Try again. If it stays so, take the address of the stream from the manual of the camera (docs/operate/cameras.md).'
    },
    'PL-CAMERA-LOGIN': {
      cause: "The login in the camera's url is wrong, or the camera has locked it.",
      fix: "Correct them in the camera's url; painlens tries again only every few minutes, so as not to lock the account."
    },
    'PL-CAMERA-LOGIN-KIND': {
      cause: 'The camera only takes a kind of login other than Basic and Digest (MD5, SHA-256, SHA-512-256).',
      fix: 'Set its RTSP (or HTTP) authentication to digest in the settings of the camera.'
    },
    'PL-CAMERA-FORBIDDEN': {
      cause: 'The user exists, but has no right to live video.',
      fix: 'Allow the user live video in the settings of the camera.'
    },
    'PL-CAMERA-PATH': {
      cause: "The path in the url is another camera model's, or the stream is switched off.",
      fix: "Look up the RTSP path in the camera's manual and correct the url."
    },
    'PL-CAMERA-REDIRECT': {
      cause:
        'The camera answers with another address: it was moved, its web server wants https, or it is not what it should be. painlens goes to the address in the url and to no other, since it would take the password along.',
      fix: 'Look up the address of the stream, and write that into the url if it is right.'
    },
    'PL-CAMERA-CERTIFICATE': {
      cause:
        'Nothing that this machine trusts has signed the certificate of the camera, or it is for another name or time. Without that, anyone on the way could take its place, and get the password.',
      fix: 'Compare the fingerprint with the one that the camera shows in its settings, and write it into tls.fingerprint of this camera; or have tls.ca and tls.server_name.'
    },
    'PL-CAMERA-FINGERPRINT': {
      cause: 'The camera has a new certificate (a new firmware, a reset), or something else answers in its place.',
      fix: 'Find out why before you write the new fingerprint into tls.fingerprint of this camera.'
    },
    'PL-CAMERA-TLS': {
      cause: 'Another port than that of TLS, a camera that encrypts as was usual before TLS 1.2, or one that hangs.',
      fix: "Check the port in the url; renew the camera's firmware, or take rtsp:// in the place of rtsps://, http:// in the place of https://, within a network that is yours alone."
    },
    'PL-CAMERA-CLIENT-CERTIFICATE': {
      cause:
        'The camera shows its pictures only to viewers that it knows by a certificate of theirs (mutual TLS; in some settings "client authentication"). painlens has none: it logs in by user name and password.',
      fix: "Switch the client certificate off in the camera's settings (HTTPS or RTSPS) and have it ask for user name and password."
    },
    'PL-CAMERA-CA': {
      cause: 'The file is missing, painlens may not read it, or it holds no PEM certificate.',
      fix: 'Correct tls.ca of this camera.'
    },
    'PL-CAMERA-REFUSED': {
      cause: 'The camera answers, but not on this port: RTSP is off, or is on another port.',
      fix: 'Check host and port in the url, and that RTSP is switched on in the camera.'
    },
    'PL-CAMERA-UNREACHABLE': { cause: 'No cable, another network, or the camera is off.', fix: network },
    'PL-CAMERA-HOST': {
      cause: 'The name service does not know the host in the url.',
      fix: 'Correct the host in the url, or give its IP address.'
    },
    'PL-CAMERA-TRANSPORT': {
      cause: 'The camera only offers RTP over UDP; painlens takes TCP, which loses no packets.',
      fix: 'Allow RTP over RTSP (TCP, interleaved) in the settings of the camera.'
    },
    'PL-CAMERA-TIMEOUT': {
      cause: 'The camera is off or overloaded, or a firewall drops the packets.',
      fix: network
    },
    'PL-CAMERA-SILENT': {
      cause:
        'The camera hangs, something else than a camera listens on that port, or it takes no more viewers and does not say so.',
      fix: 'Check port and protocol in the url; restart the camera if they are right.'
    },
    'PL-CAMERA-SLOW-ANSWER': {
      cause:
        'The camera begins to answer, and takes too long: it is overloaded, the network to it is slow or loses packets, or something else than a camera listens on that port.',
      fix: 'Check port and protocol in the url and the network to the camera; restart it if both are right.'
    },
    'PL-CAMERA-STUCK': {
      cause: 'Its RTSP server answers and then stops: it hangs, or waits for its encoder or its disk.',
      fix: 'Restart the camera, and renew its firmware if that continues.'
    },
    'PL-CAMERA-HANGS-UP': {
      cause:
        'A camera that has too many viewers and does not say so, that blocks this address, or whose server crashes.',
      fix: 'End other viewers of the camera, look whether it blocks addresses, and restart it.'
    },
    'PL-CAMERA-VIEWERS': {
      cause:
        'Cameras give their stream to a few viewers at a time, some to one; a place may stay taken for a minute after its viewer went.',
      fix: 'End other viewers (a recorder, an app, another painlens), or raise the limit in the settings of the camera; painlens keeps trying.'
    },
    'PL-CAMERA-ANSWER': {
      cause: 'The camera refuses a request, for a reason that the number in its answer tells (RFC 2326, 7.1.1).',
      fix: "Check the path in the url by the camera's manual, and its firmware."
    },
    'PL-CAMERA-NO-STREAM': {
      cause:
        'The camera has agreed to play and sends nothing: its encoder hangs, or a firewall holds back what is large.',
      fix: 'Restart the camera; check the network to it (MTU, firewall).'
    },
    'PL-CAMERA-KEY-FRAME': {
      cause: 'The camera sends pictures that build on earlier ones, and seldom one that stands alone (I frame).',
      fix: "Shorten the key frame interval (GOP) in the camera's settings to 2 s, or raise first_picture_s of this camera above it."
    },
    'PL-CAMERA-TRACK': {
      cause: 'video_track of this camera is higher than the number of its video tracks.',
      fix: 'Correct video_track of this camera, or leave it at auto.'
    },
    'PL-CAMERA-CODEC': {
      cause: 'The camera sends a codec that this FFmpeg was built without.',
      fix: 'Set the camera to H.264, H.265 or MJPEG.'
    },
    'PL-CAMERA-NO-VIDEO': {
      cause: 'The path leads to a stream with sound or metadata only.',
      fix: "Correct the path in the url to the camera's video stream."
    },
    'PL-CAMERA-FAULT': {
      cause: 'A fault in the camera, in some also too many viewers at a time.',
      fix: 'Restart the camera if that continues; it may also have too many viewers.'
    },
    'PL-CAMERA-NOT-VIDEO': {
      cause: 'Something else than a camera answers there, such as its web page.',
      fix: 'Check that the url leads to a camera.'
    },
    'PL-CAMERA-CLOSED': { cause: 'The network broke off, or the camera restarted.', fix: network },
    'PL-CAMERA-ENDED': {
      cause: 'The camera closed the stream in an orderly way, as many do at a restart or a change of settings.',
      fix: 'Nothing to do if it comes back; otherwise check whether the camera is on.'
    },
    'PL-CAMERA-HUNG': {
      cause:
        'The connection stands, but no picture comes: the camera hangs, gives pictures at long intervals only, or the network swallows its packets.',
      fix: 'Check the camera and the network to it; where its pictures come that seldom, raise first_picture_s and silent_after_s of this camera. painlens keeps trying.'
    },
    'PL-CAMERA-URL': {
      cause: 'The url is of another kind than cameras serve.',
      fix: 'Write it as rtsp://user:password@host:554/path; an @ in the path is written %40.'
    },
    'PL-CAMERA-SLOW': {
      cause: 'The camera works, but gives fewer pictures than are asked for.',
      fix: "Raise the camera's rate, or lower fps."
    },
    'PL-CAMERA-BEHIND': {
      cause:
        'The camera gives enough pictures, but this box analyses only some of them: it has more work than it can do. The alarm overloaded is raised where faces are judged too seldom. Pain that is short may be missed, and alarms come late.',
      fix: 'Lower fps of the cameras, watch fewer cameras, or end other programs on the box; docs/operate/sizing.md says what a box can do.'
    },
    'PL-CAMERA-MASKED': {
      cause: 'The masks of this camera hide its whole picture: it gives pictures, and nothing in them is watched.',
      fix: 'Correct masks of this camera; painlens snapshot shows where they lie. To stop watching, take the camera out of the config.'
    },
    'PL-CAMERA-FROZEN': {
      cause:
        'The camera sends the same picture again and again: it hangs, or its encoder skips what moves. It is not analysed.',
      fix: 'Restart the camera; docs/operate/cameras.md says which settings of cameras look like this.'
    },
    'PL-CAMERA-DAMAGED': {
      cause:
        'Data of the pictures is missing: packets are lost on the way, the camera drops them, or they cannot be decoded. Damaged pictures are not analysed.',
      fix: 'Lower the bit rate of the stream, or mend the link: docs/operate/cameras.md, "Damaged pictures".'
    },
    'PL-CAMERA-DARK': {
      cause: 'Nothing can be seen in the picture: no light, or the lens is covered.',
      fix: 'Uncover the lens, or leave a night light on.'
    },
    'PL-CAMERA-LARGE': {
      cause: 'The camera works, but gives far more pixels than are used.',
      fix: 'Choose its smaller stream (sub stream): decoding this one costs much.'
    },
    'PL-CAMERA-SMALL': {
      cause: 'The camera works, but gives fewer pixels than are asked for.',
      fix: 'Choose its larger stream to see small faces.'
    },
    'PL-DECODER-ENDED': {
      cause:
        'FFmpeg or GStreamer ended without saying anything that painlens knows; its last words are in the message.',
      fix: 'Nothing to do if it comes back; otherwise try the camera with painlens check.'
    },
    'PL-DECODER-RELAY': {
      cause: 'painlens hands the stream to its decoder over the loopback, and this machine lets it open no port there.',
      fix: 'See whether the machine is short of memory or open files, and whether the sandbox of the service has lost AF_INET.'
    },
    'PL-DECODER-FFMPEG': {
      cause: 'FFmpeg is missing, or the machine has no memory or processes left for it.',
      fix: 'Install FFmpeg: sudo apt-get install ffmpeg.'
    },
    'PL-DECODER-GSTREAMER': {
      cause: 'GStreamer is missing, or the machine has no memory or processes left for it.',
      fix: 'Install GStreamer (sudo apt-get install gstreamer1.0-tools), or set decoder: ffmpeg.'
    },
    'PL-DECODER-ELEMENT': {
      cause: 'decoder: nvidia on a machine that is no Jetson, or a plugin package that is not installed.',
      fix: 'nvidia needs a Jetson with its nvidia-l4t-gstreamer, gstreamer needs gstreamer1.0-libav; both need gstreamer1.0-plugins-bad. Or set decoder: auto.'
    },
    'PL-DECODER-PACKAGE': {
      cause: 'decoder: auto on a Jetson that lacks a package; its cameras are decoded by FFmpeg, on the CPU.',
      fix: 'Install what is missing (sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-bad nvidia-l4t-gstreamer) and restart painlens, or set decoder: ffmpeg.'
    },
    'PL-DECODER-DEVICE': {
      cause: 'Its device files are missing, its driver is not loaded, or a container was started without them.',
      fix: `See whether its device files (/dev/nvhost-nvdec, /dev/nvmap) are there, and restart the machine if not. ${otherDecoder}`
    },
    'PL-DEVICE-SANDBOX': {
      cause:
        'A device filter: a unit or drop-in in which DeviceAllow, DevicePolicy or PrivateDevices is given or implied (ProtectClock implies DeviceAllow before systemd 252), or a container without the device.',
      fix: 'Look for DeviceAllow, DevicePolicy, PrivateDevices and, before systemd 252, ProtectClock in systemctl cat painlens, and take them out; let a container have the device (docs/operate/containers.md).'
    },
    'PL-DEVICE-GROUP': {
      cause: "The device file belongs to root and a group (video or render, mostly), and painlens's user is not in it.",
      fix: 'Let the user that painlens runs as into the group that ls -l shows for the device file (sudo usermod -aG video,render painlens), and restart painlens.'
    },
    'PL-DECODER-FULL': {
      cause: 'The hardware decodes only so many streams or pixels at a time, or memory is short.',
      fix: `Choose smaller streams or fewer cameras. ${otherDecoder}`
    },
    'PL-DECODER-STUCK': {
      cause:
        'The program that decodes hangs, and the system does not end it: mostly a driver of the GPU, or a disk or network that does not answer.',
      fix: `systemd starts painlens again; if it comes back, see what the kernel's log (dmesg) says. ${otherDecoder}`
    },
    'PL-DECODER-NO-PICTURE': {
      cause: 'A profile that the hardware does not decode (10 bit, 4:2:2), or a stream that is damaged on the way.',
      fix: `Set the camera to H.264 or H.265 in an ordinary profile (4:2:0, 8 bit). ${otherDecoder}`
    },
    'PL-FFMPEG-OTHER': { cause: 'Another program of that name answers.', fix: install },
    'PL-FFMPEG-OLD': { cause: 'The FFmpeg of an old distribution.', fix: install },
    'PL-FFMPEG-NO-RTSP': { cause: 'An FFmpeg that was built small.', fix: install },
    'PL-FFMPEG-NO-CODEC': {
      cause: 'An FFmpeg that lacks the decoder for what cameras send.',
      fix: install
    },
    'PL-FFMPEG-MISSING': {
      cause: 'FFmpeg is not installed, or not on the PATH of the service.',
      fix: install
    },
    'PL-FFMPEG-BROKEN': {
      cause:
        'The program is damaged, built for another machine, or lacks a library; or the machine is too busy to start it.',
      fix: install
    }
  }
})
