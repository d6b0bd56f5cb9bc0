// The Turkish part of the shop.

import { item } from '../vocabulary.ts';
import type { Vocabulary } from '../vocabulary.ts';

export const turkish: Vocabulary = {
  language: 'tr',
  share: 0.06,
  offsetMinutes: 180,
  names: ['{brand} {style} {noun}, {colour}', '{brand} {noun}, {style}, {colour}'],
  descriptions: [
    '{feature} ve {second}, {material}, {use} için.',
    '{material}, {feature}; {use} için ideal.',
  ],
  queries: ['{noun}', '{style} {noun}', '{use} için {noun}', '{colour} {noun}'],
  aisles: [
    {
      category: 'Audio',
      items: [
        item('kulaklık', 40, 350, 'kablosuz', 'gürültü engelleyici'),
        item('hoparlör', 30, 280, 'taşınabilir', 'su geçirmez'),
      ],
      features: ['40 saat pil ömrü', 'derin bas', 'dahili mikrofon', 'hızlı şarj'],
      materials: ['geri dönüştürülmüş plastik', 'fırçalanmış alüminyum'],
      uses: ['spor salonu', 'uzun yolculuklar', 'evden çalışmak'],
    },
    {
      category: 'Footwear',
      items: [
        item('koşu ayakkabısı', 55, 200, 'hafif', 'yastıklamalı'),
        item('bot', 70, 260, 'su geçirmez', 'deri'),
      ],
      features: ['kaymaz taban', 'nefes alan kumaş', 'yumuşak iç taban'],
      materials: ['hakiki deri', 'file ve kauçuk', 'geri dönüştürülmüş polyester'],
      uses: ['günlük antrenman', 'yağmurlu günler', 'şehir yürüyüşleri'],
    },
    {
      category: 'Jackets & Coats',
      items: [
        item('kışlık mont', 90, 400, 'sıcak tutan', 'kapüşonlu'),
        item('yağmurluk', 50, 220, 'su geçirmez', 'hafif'),
      ],
      features: ['çıkarılabilir kapüşon', 'sıcak astar', 'derin cepler'],
      materials: ['kaz tüyü', 'merinos yünü', 'rüzgâr geçirmez kumaş'],
      uses: ['soğuk günler', 'kayak tatili', 'dağ yürüyüşleri'],
    },
    {
      category: 'Kitchen',
      items: [
        item('kahve makinesi', 60, 700, 'tam otomatik', 'filtre'),
        item('çaydanlık', 20, 120, 'çelik', 'cam'),
        item('tava', 20, 120, 'döküm', 'yapışmaz'),
      ],
      features: ['süt köpürtücü', 'eşit ısı dağılımı', 'sessiz çalışma'],
      materials: ['paslanmaz çelik', 'seramik', 'ısıya dayanıklı cam'],
      uses: ['küçük mutfaklar', 'pazar kahvaltısı', 'kalabalık sofralar'],
    },
    {
      category: 'Home & Living',
      items: [
        item('halı', 40, 600, 'el dokuması', 'yıkanabilir'),
        item('nevresim takımı', 30, 180, 'çift kişilik', 'pamuklu'),
      ],
      features: ['yumuşak doku', 'canlı renkler', 'kolay temizlik'],
      materials: ['saf pamuk', 'doğal yün', 'keten'],
      uses: ['oturma odası', 'yatak odası', 'yeni evliler'],
    },
  ],
};
