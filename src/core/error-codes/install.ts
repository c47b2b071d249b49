import { errorArea } from './area.js'

const rebuild = 'Build the archive again with the deploy/jetson/onnxruntime/build.sh of the painlens that is installed.'

export const installErrors = errorArea({
  title: 'painlens provider',
  about:
    'Installing another build of ONNX Runtime; see [provider.md](provider.md). After each of these the build that was there is in place.',
  codes: {
    'PL-INSTALL-NO-PREVIOUS': {
      cause: 'Nothing was installed here since onnxruntime-node was, or that was reinstalled.',
      fix: 'Install the archive that you want.'
    },
    'PL-INSTALL-BUSY': {
      cause:
        "Two of these commands run at a time; or one was killed, and only the owner of painlens's files can undo what it left.",
      fix: 'Wait for it to end; if none is running: sudo painlens provider status'
    },
    'PL-INSTALL-PERMISSION': {
      cause: "painlens's files belong to another user, mostly to root.",
      fix: 'Run the command as the user who owns the files of painlens, usually with sudo.'
    },
    'PL-INSTALL-DISK': {
      cause:
        "The file system refuses to rename or write in onnxruntime-node's folder. EXDEV means a container whose image holds that folder in a lower layer.",
      fix: 'See that the disk is whole and has room, then try again. In a container, install packages and archive in the same RUN step.'
    },
    'PL-INSTALL-CONFINED': {
      cause:
        'Root installs, and the code of an archive is tried as the user painlens (or `nobody`), who may not read painlens, Node.js or the classifier; or setpriv (util-linux) is missing.',
      fix: 'Install painlens, Node.js and the model where each user can read them, as install.sh does below /opt. For an archive that you trust, --no-proof leaves the proof to the next start of the service.'
    },
    'PL-INSTALL-MANIFEST': {
      cause: 'The archive was made by another version of build.sh, or by something else.',
      fix: 'Build it with the deploy/jetson/onnxruntime/build.sh of this painlens.'
    },
    'PL-INSTALL-INCOMPLETE': {
      cause: 'The archive was packed by hand.',
      fix: 'Build it again; build.sh checks that everything is there.'
    },
    'PL-INSTALL-LAYOUT': {
      cause: 'onnxruntime-node is another version than painlens was made for, or parts of it are missing.',
      fix: 'Install painlens again (npm ci in its folder).'
    },
    'PL-INSTALL-LIBRARY': {
      cause:
        "A library of CUDA, cuDNN, TensorRT or the GPU's driver is not installed, is of another major version than the archive was built for, or is where the loader does not look.",
      fix: 'Install what the message names (on a Jetson `sudo apt install nvidia-jetpack`), run `sudo ldconfig`, and install the archive again; or build the archive on this machine.'
    },
    'PL-INSTALL-UNUSABLE': {
      cause:
        'ONNX Runtime refuses the provider, or its process ended; what it said is in the message. `no kernel image` means a build for another GPU.',
      fix: 'Build the archive on this machine, or on one of the same kind and JetPack.'
    },
    'PL-INSTALL-DIFFERS': {
      cause:
        "The build computes something else than the one before: it was built with other sources or broken flags, or the GPU's libraries do not fit.",
      fix: 'Build the archive again on this machine. With libraries of another JetPack, install those of this one.'
    },
    'PL-INSTALL-DAMAGED': {
      cause: 'It was copied in part, or bytes of it have changed.',
      fix: 'Copy it again, and compare its sha256sum with that of the file beside it (.sha256) or of the machine that built it.'
    },
    'PL-INSTALL-UNREADABLE': {
      cause: 'There is no such file, or you may not read it.',
      fix: 'Name the archive that deploy/jetson/onnxruntime/build.sh has made, and see that you may read it.'
    },
    'PL-INSTALL-MACHINE': {
      cause: 'The archive was built on another kind of machine.',
      fix: 'Take the archive that was built on a machine like this one.'
    },
    'PL-INSTALL-VERSION': {
      cause:
        'The archive was built for another version of painlens; binding, library and provider have to be of one version.',
      fix: rebuild
    },
    'PL-INSTALL-SPACE': {
      cause: "The disk with painlens's files is nearly full.",
      fix: 'Free some space on that disk.'
    },
    'PL-INSTALL-MIXED': {
      cause: 'The archive was packed by hand, of files for different machines.',
      fix: 'Build it again on the machine that it is for.'
    },
    'PL-INSTALL-UNPACK': { cause: 'The disk is full or fails.', fix: 'Free some space on that disk.' },
    'PL-INSTALL-STOPPED': { cause: 'Ctrl-C, or a signal.', fix: 'Nothing was changed; start again.' }
  }
})
