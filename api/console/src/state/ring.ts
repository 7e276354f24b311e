/** Two short tones, made here: no file to load. Silent where the browser does not allow sound yet. */
export function ring(): void {
  const audio = new AudioContext()
  for (const [start, pitch] of [[0, 880], [0.22, 660]] as const) {
    const tone = audio.createOscillator()
    const volume = audio.createGain()
    tone.frequency.value = pitch
    volume.gain.setValueAtTime(0.2, audio.currentTime + start)
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + start + 0.2)
    tone.connect(volume).connect(audio.destination)
    tone.start(audio.currentTime + start)
    tone.stop(audio.currentTime + start + 0.2)
  }
  setTimeout(() => void audio.close(), 1000)
}
